"""A job whose life breaks off by errors that nobody planned: tried a few times, then ended in the log and buried."""

from dataclasses import dataclass, field
from typing import Any

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
    refused: int = 0

    async def publish(self, topic: Topic, key: str, event: Any, traceparent: str | None = None) -> Written:
        if topic == ANSWERS and not self.takes_endings:
            self.refused += 1
            raise Bug("no producer")
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


def taken(prompt: PromptSubmitted, log: Log, bugs: int) -> tuple[Inference, Event]:
    """The record of that prompt, and who took it."""
    event = Event(Message(codec.encode(prompt)))
    inference = Inference(Finishing(log, bugs), log, CLOCK, "", after_bugs_s=(0.01,) * (TRIES - 1))
    inference.take(event)
    return inference, event


async def lived(prompt: PromptSubmitted, log: Log, bugs: int) -> None:
    """The record of that prompt is taken, and acknowledged once."""
    inference, event = taken(prompt, log, bugs)
    await eventually(lambda: event.acks > 0, within_s=30)
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


async def test_a_job_that_is_given_up_is_acknowledged_once_the_log_holds_its_ending() -> None:
    log, prompt = Log(takes_endings=False), a_prompt()
    inference, event = taken(prompt, log, bugs=0)
    await eventually(lambda: log.refused > TRIES + 2, within_s=30, what="a second try to tell of its end")
    buried, acks = log.of(DEAD_LETTERS), event.acks
    log.takes_endings = True
    await eventually(lambda: event.acks > 0, within_s=30)
    await inference.close(1.0)

    assert (len(buried), acks) == (1, 0), "it is buried, and somebody owes it an ending"
    (ending,) = log.of(ANSWERS)
    assert (ending.job_id, ending.error.code) == (prompt.job_id, "poison")
    assert (log.of(DEAD_LETTERS), event.acks) == (buried, 1)


async def test_a_job_whose_worker_stops_before_its_ending_is_told_is_left_to_the_next_one() -> None:
    log = Log(takes_endings=False)
    inference, event = taken(a_prompt(), log, bugs=0)
    await eventually(lambda: log.refused > TRIES, within_s=30, what="the first try to tell of its end")
    await inference.close(1.0)

    assert event.acks == 0
