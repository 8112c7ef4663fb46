"""A job whose life breaks off by errors that nobody planned: tried a few times, then ended in the log and buried."""

from dataclasses import dataclass, field
from typing import Any

from infra.errors import TooLarge
from infra.telemetry.metrics import Metrics
from producers.events import AnswerFailed, Buried, PromptSubmitted
from producers.jobs.endings import Endings, InLog
from producers.jobs.settling import Settled, Settling
from producers.log import codec
from producers.log.outgoing import Written
from producers.log.topics import ANSWERS, DEAD_LETTERS, Topic
from stream_workers.inference.agent import Inference
from stream_workers.inference.counts import Counts
from stream_workers.inference.life import Life
from tests.support.builders import CLOCK, a_completed, a_prompt
from tests.support.eventually import eventually

TRIES = 3
PLACE = ("prompts.standard", 3, 7)


class Bug(Exception):
    """What nobody planned."""


@dataclass
class Log:
    """What was written, by topic."""

    said: list[tuple[Topic, Any]] = field(default_factory=list)
    takes_endings: bool = True

    async def publish(self, topic: Topic, key: str, event: Any, traceparent: str | None = None) -> Written:
        if topic == ANSWERS and not self.takes_endings:
            raise TooLarge("no broker takes it")
        self.said.append((topic, event))
        return Written(0, len(self.said) - 1, 0.0)

    def of(self, topic: Topic) -> list[Any]:
        return [event for each, event in self.said if each == topic]


class Unsettled(Settling):
    """Settling is where the bug is."""

    def __init__(self) -> None:
        pass

    async def settle(self, *_: Any) -> Settled:
        raise Bug("no hash")


class Finishing(Life):
    """The life of a job whose ending is stored: it is to be published and settled, so many times without success."""

    def __init__(self, log: Log, bugs: int) -> None:
        object.__setattr__(self, "endings", Endings(log, Unsettled(), Metrics()))
        object.__setattr__(self, "counts", Counts(Metrics()))
        object.__setattr__(self, "bugs", [None] * bugs)

    async def run(self, prompt: PromptSubmitted, *_: Any) -> None:
        told: InLog = await self.endings.publish(a_completed(prompt))
        if self.bugs:  # type: ignore[attr-defined] # set above
            self.bugs.pop()  # type: ignore[attr-defined] # set above
            await self.endings.settle(told)


@dataclass
class Message:
    """A record as Faust tells of it."""

    value: bytes
    topic: str = PLACE[0]
    partition: int = PLACE[1]
    offset: int = PLACE[2]
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass
class Event:
    """A delivery, and how often it was acknowledged."""

    message: Message
    acks: int = 0

    def ack(self) -> None:
        self.acks += 1


async def lived(prompt: PromptSubmitted, log: Log, bugs: int) -> None:
    """The record of that prompt is taken, and acknowledged once."""
    event = Event(Message(codec.encode(prompt)))
    inference = Inference(Finishing(log, bugs), log, CLOCK, "", after_bugs_s=(0.0,) * (TRIES - 1))
    inference.take(event)
    await eventually(lambda: event.acks > 0, within_s=5)
    await inference.close(1.0)
    assert event.acks == 1


async def test_an_ending_that_cannot_be_settled_is_not_published_for_ever() -> None:
    log, prompt = Log(), a_prompt()
    await lived(prompt, log, bugs=1_000)
    *stored, last = log.of(ANSWERS)
    (letter,) = log.of(DEAD_LETTERS)

    assert [type(each) for each in stored] == [type(a_completed(prompt))] * TRIES
    assert isinstance(last, AnswerFailed)
    assert (last.job_id, last.error.code) == (prompt.job_id, "poison")
    assert isinstance(letter, Buried)
    assert (letter.reason, (letter.origin_topic, letter.origin_partition, letter.origin_offset)) == ("poison", PLACE)
    assert "no hash" in letter.error


async def test_an_error_that_passes_costs_the_job_nothing() -> None:
    log = Log()
    await lived(a_prompt(), log, bugs=TRIES - 1)

    assert len(log.of(ANSWERS)) == TRIES
    assert log.of(DEAD_LETTERS) == []


async def test_a_job_of_which_no_ending_can_be_told_is_buried_all_the_same() -> None:
    log = Log(takes_endings=False)
    await lived(a_prompt(), log, bugs=0)

    assert [topic for topic, _ in log.said] == [DEAD_LETTERS]
