"""What a hook must judge is seen by nobody before: an answer by no reader, and no prompt by the model."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from infra import redis
from infra.settings import KafkaSettings, RedisSettings, TgiSettings
from infra.telemetry.metrics import Metrics
from producers.answers.answer_cache import AnswerCache, key_of
from producers.conversations.store import Conversations
from producers.events import AnswerCompleted, AnswerFailed, PromptSubmitted, Sampling
from producers.jobs import live
from producers.jobs.lease import Finishing, Lease, Leases
from producers.log import codec
from producers.log.places import Place
from producers.moderation import Moderator
from producers.settings import ModerationSettings
from producers.state.retention import Retention
from producers.state.scripts import Scripts
from producers.state.view import TOPICS
from stream_workers.app import WorkerApp, create_app
from stream_workers.fanout.state_view import StateView
from stream_workers.inference.ahead import Ahead
from stream_workers.inference.answering import Answering, Trail
from stream_workers.inference.attempting import Answer, Attempting
from stream_workers.inference.counts import Counts
from stream_workers.inference.fleet import Fleet, Server
from stream_workers.inference.renewals import Hold
from stream_workers.inference.tgi import Tgi
from stream_workers.pen import FaustPen
from tests.support import moderation
from tests.support.builders import CLOCK, a_completed, a_prompt
from tests.support.model_servers import ModelServer

NOWHERE = KafkaSettings(bootstrap_servers="127.0.0.1:1")
HOOKS = "tests.support.moderation"


@dataclass
class Bench:
    """What an attempt needs, in this process."""

    scripts: Scripts
    leases: Leases
    model: Tgi
    pen: FaustPen
    counts: Counts

    async def answer(self, prompt: PromptSubmitted, hook: str, of_prompts: str = "") -> tuple[Answer, str]:
        """The attempt's answer, and what readers had seen before it ended."""
        answers, prompts = (f"{HOOKS}:{each}" if each else "" for each in (hook, of_prompts))
        settings = ModerationSettings(prompts, answers)
        kept = Retention()
        attempting = Attempting(
            clock=CLOCK, scripts=self.scripts, leases=self.leases,
            answering=Answering(Fleet([Server("tgi", self.model)]), (), Moderator(settings), 4096),
            conversations=Conversations(self.scripts, kept), cache=AnswerCache(self.scripts),
            pen=self.pen, counts=self.counts, flush_s=0.001,
        )  # fmt: skip
        lease = await self.leases.claim(prompt, 0)
        assert isinstance(lease, Lease)
        found = await attempting.make(prompt, Place("prompts.standard", 0, 0), Hold(lease), Ahead(), Trail())
        assert isinstance(found, Answer)
        seen = live.text_of(await live.entries_after(self.scripts, prompt.job_id))
        assert isinstance(await self.leases.finish(lease, found.ending, found.rest), Finishing)
        return found, seen


def generated(tgi: ModelServer) -> list[str]:
    """How many were served, as the model server counts."""
    return [line for line in tgi.metrics().splitlines() if line.startswith("tgi_request_count")]


@pytest.fixture
def app() -> WorkerApp:
    return create_app(NOWHERE, "worker")


@pytest.fixture
async def bench(app: WorkerApp, redis_settings: RedisSettings, tgi: ModelServer) -> AsyncIterator[Bench]:
    client, kept = redis.client(redis_settings), Retention()
    scripts = Scripts(client, redis_settings)
    for topic in TOPICS:
        for partition in range(topic.partitions):
            await StateView(scripts, kept).positions.mark_whole(topic.name, partition, is_whole=True)
    metrics = Metrics()
    model, pen = Tgi(TgiSettings(url=tgi.url)), FaustPen(app, NOWHERE, metrics)
    yield Bench(scripts, Leases(scripts, kept, "worker-1"), model, pen, Counts(metrics))
    await pen.close()
    await model.close()
    await client.aclose()


async def test_nothing_is_seen_of_an_answer_before_it_was_judged(bench: Bench) -> None:
    free, seen_at_once = await bench.answer(a_prompt(sampling=Sampling(max_tokens=20)), "")
    prompt = a_prompt(sampling=Sampling(max_tokens=20))
    held, seen_before = await bench.answer(prompt, "no_rivers")

    assert isinstance(free.ending, AnswerCompleted)
    assert seen_at_once != ""
    assert seen_before == ""
    assert isinstance(held.ending, AnswerCompleted)
    assert held.ending.text == free.ending.text
    assert live.text_of(await live.entries_after(bench.scripts, prompt.job_id)) == held.ending.text


async def test_what_is_refused_is_seen_by_nobody_and_kept_for_nobody(bench: Bench) -> None:
    prompt = a_prompt(sampling=Sampling(max_tokens=20, n=2))
    found, _ = await bench.answer(prompt, "nothing_at_all")

    assert isinstance(found.ending, AnswerCompleted)
    assert [(each.text, each.finish_reason) for each in found.ending.drawn] == [("", "content_filter")] * 2
    assert (found.ending.finish_reason, found.ending.cache) == ("content_filter", "bypass")
    assert found.ending.usage is not None, "it was generated, and is charged"
    assert live.text_of(await live.entries_after(bench.scripts, prompt.job_id)) == ""


async def test_what_cannot_be_judged_is_not_shown(bench: Bench) -> None:
    prompt = a_prompt(sampling=Sampling(max_tokens=20))
    found, _ = await bench.answer(prompt, "broken")

    assert isinstance(found.ending, AnswerFailed)
    assert found.ending.error.code == "moderation_failed"
    assert live.text_of(await live.entries_after(bench.scripts, prompt.job_id)) == ""


@pytest.mark.parametrize(("hook", "code"), [("no_mills", "content_filter"), ("broken", "moderation_failed")])
async def test_the_model_is_shown_no_prompt_that_a_gateway_did_not_judge_and_the_hook_does_not_allow(
    bench: Bench, tgi: ModelServer, hook: str, code: str
) -> None:
    before = generated(tgi)
    found, _ = await bench.answer(a_prompt("a mill", sampling=Sampling(max_tokens=5)), "", hook)

    assert isinstance(found.ending, AnswerFailed)
    assert found.ending.error.code == code
    assert generated(tgi) == before


async def test_a_prompt_is_not_judged_twice_and_one_that_is_allowed_is_answered(bench: Bench) -> None:
    moderation.ASKED.clear()
    judged = a_prompt("a mill", sampling=Sampling(max_tokens=5), judged=True)
    found = [(await bench.answer(each, "", "no_mills"))[0] for each in (judged, a_prompt("a lake"))]

    assert [type(each.ending) for each in found] == [AnswerCompleted] * 2
    assert [each["messages"][0]["content"] for each in moderation.ASKED] == ["a lake"]


async def test_a_turn_that_nobody_judged_gets_no_earlier_answer_past_the_hook(bench: Bench) -> None:
    turn = a_prompt("a mill", conversation="conv_1", sampling=Sampling(max_tokens=5))
    earlier = codec.encode(a_completed(turn, "They grind."))
    await bench.scripts.redis.set(f"{bench.scripts.prefix}cache:{key_of(turn)}", earlier)
    refused, _ = await bench.answer(turn, "", "no_mills")
    free, _ = await bench.answer(a_prompt("a mill", conversation="conv_1", sampling=turn.sampling), "")

    assert isinstance(refused.ending, AnswerFailed)
    assert isinstance(free.ending, AnswerCompleted)
    assert free.ending.text == "They grind."
