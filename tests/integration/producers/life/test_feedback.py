"""Feedback beside its job: what is last in the log stands, in whatever order gateways get here."""

from producers.answers.feedback import Feedback, feedback_id
from producers.state.retention import Retention
from tests.support.builders import a_prompt
from tests.support.feedback import a_feedback
from tests.support.life import House


async def test_of_two_thumbs_at_once_the_later_in_the_log_stands(house: House) -> None:
    prompt, other = a_prompt(), a_prompt()
    here = feedback_id(prompt.job_id, "", "thumb")
    first, last = (a_feedback(prompt, value=value, feedback_id=here) for value in ("up", "down"))
    bobs = a_feedback(prompt, author="bob", feedback_id=feedback_id(prompt.job_id, "bob", "thumb"))
    kept = Feedback(house.scripts, Retention())

    firsts = [await kept.keep(each, offset) for each, offset in ((last, 10), (last, 10), (first, 9), (bobs, 11))]

    assert firsts == [True, False, False, True]
    assert await kept.thumbs([prompt.job_id, other.job_id]) == [last, None]
    assert await kept.thumbs([]) == []


async def test_feedback_is_forgotten_with_its_job(house: House) -> None:
    given = a_feedback(a_prompt())
    await Feedback(house.scripts, Retention(job_ms=60_000)).keep(given, 0)

    left_ms = await house.scripts.redis.pttl(f"{house.scripts.prefix}feedback:{given.job_id}")
    assert 50_000 < left_ms <= 60_000
