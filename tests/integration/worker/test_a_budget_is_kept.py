"""A worker counts what a prompt takes before it generates: no limit is overrun because an estimate was too low."""

from producers.events import AnswerCompleted, AnswerFailed, Limits, PromptSubmitted, Sampling
from producers.jobs.intake import Accepted
from tests.support.builders import CLOCK, a_prompt
from tests.support.model_servers import ModelServer
from tests.support.workers import Hand, Workshop

TWO = Sampling(max_tokens=2, n=2)
QUOTA = 600


async def ended(hand: Hand, prompt: PromptSubmitted, limits: Limits) -> AnswerCompleted | AnswerFailed:
    assert isinstance(await hand.intake.accept(prompt, limits), Accepted)
    await hand.publisher.submit(prompt)
    await hand.intake.acknowledge(prompt.job_id)
    await hand.all_ended([prompt])
    ending = (await hand.job(prompt.job_id)).ending
    assert isinstance(ending, AnswerCompleted | AnswerFailed)
    return ending


async def spent(hand: Hand, key_id: str) -> int:
    day = int(CLOCK.now_ms() // 86_400_000)
    return int(await hand.client.hget(f"{hand.scripts.prefix}spent:{day}", key_id) or 0)


async def test_a_prompt_that_needs_more_than_the_day_has_never_reaches_the_gpu(
    place: Workshop, tgi: ModelServer
) -> None:
    async with Hand(place) as hand:
        free = await ended(hand, a_prompt(key_id="free", sampling=TWO), Limits(tokens_per_day=10_000))
        assert isinstance(free, AnswerCompleted)
        assert free.usage is not None
        took = free.usage.total_tokens
        exact, less = Limits(tokens_per_day=took), Limits(tokens_per_day=took - 1)
        tgi.reset()
        refused = await ended(hand, a_prompt(key_id="less", sampling=TWO, reserved_tokens=5), less)
        asked = len(tgi.generations())
        fitting = await ended(hand, a_prompt(key_id="exact", sampling=TWO, reserved_tokens=5), exact)

        assert isinstance(refused, AnswerFailed)
        assert (refused.error.type, refused.error.code) == ("rate_limit_error", "insufficient_quota")
        assert asked == 0
        assert isinstance(fitting, AnswerCompleted)
        assert [await spent(hand, each) for each in ("free", "less", "exact")] == [took, 0, took]


async def test_a_minute_that_has_no_room_is_waited_for_in_the_queue(place: Workshop, tgi: ModelServer) -> None:
    async with Hand(place) as hand:
        full = a_prompt(key_id="minute", reserved_tokens=QUOTA - 5)
        assert isinstance(await hand.intake.accept(full, Limits(tokens_per_minute=QUOTA)), Accepted)
        waited = a_prompt(key_id="minute", reserved_tokens=5, sampling=TWO)
        ending = await ended(hand, waited, Limits(tokens_per_minute=QUOTA))
        never = a_prompt(key_id="small", reserved_tokens=1, sampling=TWO)
        refused = await ended(hand, never, Limits(tokens_per_minute=2))

        assert isinstance(ending, AnswerCompleted)
        assert ending.usage is not None
        needed = ending.usage.total_tokens - 5
        assert ending.timeline["claimed"] - ending.timeline["received"] > (needed - 6) * 60_000 / QUOTA / 2
        assert isinstance(refused, AnswerFailed)
        assert refused.error.code == "rate_limit_exceeded"
