"""A past for the analytics store: days of believable traffic of one tenant, the same for the same seed."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from analytics.ingest.tables import sources
from analytics.ingest.writer import Writer
from analytics.rows import AnswerRow, FeedbackRow, JobEventRow
from infra.settings import ClickHouseSettings
from producers.log.topics import ANSWERS, FEEDBACK, JOB_EVENTS

TABLES = {each.topic: each.table for each in sources(store_text=True)}
HOUR_MS = 3_600_000
MODELS = (
    ("HuggingFaceTB/SmolLM2-135M-Instruct", 62.0),
    ("Qwen/Qwen3-8B", 31.0),
    ("meta-llama/Llama-3.3-70B-Instruct", 19.0),
)
ERRORS = (
    ("server_error", "model_overloaded", "The model server is overloaded: all of its 128 places are taken."),
    ("server_error", "model_server_gone", "The model server closed the connection in mid-answer."),
    ("invalid_request_error", "context_length_exceeded", "9 112 tokens were given; this model reads 8 192 at most."),
)
QUESTIONS = (
    ("Summarise this ticket in one sentence.", "The customer cannot sign in since the update and asks for a refund."),
    ("Why is the sky blue?", "Air scatters short, blue waves of sunlight more than long, red ones."),
    ("Translate 'head race' into German.", "Der Kanal, der das Wasser zum Rad führt, heißt Obergraben."),
    ("Write a haiku about rivers.", "Water finds its way\nround every stone that it meets,\nnever in a hurry."),
)
RECEIVERS = ("https://hooks.example.com/headrace", "https://crm.example.org/api/answers")


@dataclass
class History:
    """Makes jobs, and what follows from them; `offset` counts records as the log would."""

    tenant: str
    dice: random.Random
    offset: int = 0

    def jobs(self, from_ms: float, until_ms: float, an_hour: float) -> Iterator[AnswerRow]:
        """Jobs received between two instants; about so many an hour, more by day than by night."""
        at_ms = from_ms
        while True:
            by_day = 1 + 0.65 * math.sin((at_ms / HOUR_MS - 9) / 24 * 2 * math.pi)
            at_ms += self.dice.expovariate(an_hour * by_day / HOUR_MS)
            if at_ms >= until_ms:
                return
            yield self.job(at_ms, crowded=max(0.0, by_day - 0.9))

    def job(self, at_ms: float, *, crowded: float = 0.0) -> AnswerRow:
        """One job that ended somehow."""
        dice = self.dice
        model, tokens_per_s = dice.choices(MODELS, (6, 3, 1))[0]
        lane = dice.choices(("interactive", "standard", "batch"), (5, 4, 2))[0]
        status = dice.choices(
            ("completed", "failed", "cancelled", "aborted", "expired"), (940, 14 + 25 * crowded, 20, 6, 4)
        )[0]
        cache = (
            dice.choices(("miss", "hit", "semantic", "bypass"), (60, 22, 6, 12))[0] if status == "completed" else "miss"
        )
        is_hit, ran = cache in {"hit", "semantic"}, status != "aborted"
        wait_ms = dice.lognormvariate(math.log(18 if lane == "interactive" else 60 if lane == "standard" else 400), 0.9)
        wait_ms = 0.4 if is_hit else wait_ms * (1 + 6 * crowded)
        first_ms = wait_ms + (0.3 if is_hit else dice.lognormvariate(math.log(90), 0.4))
        written = int(min(1024, dice.lognormvariate(math.log(140), 0.8))) + 2 if ran else 0
        model_ms = 1.0 if is_hit else first_ms - wait_ms + written / (tokens_per_s * dice.uniform(0.85, 1.1)) * 1000
        question, answer = dice.choice(QUESTIONS)
        error = dice.choices(ERRORS, (5, 2, 3))[0] if status == "failed" else ("", "", "")
        self.offset += 1
        return AnswerRow(
            "answers", self.offset % 8, self.offset, f"job_{dice.getrandbits(110):028x}", self.tenant, "key_1", lane,
            model, "/v1/chat/completions" if lane == "interactive" else "/v1/jobs", "", status,
            "stop" if status == "completed" else "", *error, 1, f"worker-{dice.randint(1, 2)}", cache,
            dice.randint(20, 900), written, int(at_ms), int(at_ms + wait_ms + (model_ms if ran else 0)),
            wait_ms if ran else None, first_ms if ran else None, model_ms if ran else None,
            wait_ms + model_ms if ran else None, lane == "batch", {},
            msgspec.json.encode([{"role": "user", "content": question}]).decode(), answer if ran else "",
        )  # fmt: skip

    def deliveries(self, job: AnswerRow) -> Iterator[JobEventRow]:
        """The attempts to tell of a job's end."""
        dice, at_ms, url = self.dice, float(job.finished_at), self.dice.choices(RECEIVERS, (4, 1))[0]
        for attempt in range(1, 4):
            took_ms = dice.lognormvariate(math.log(45), 0.7)
            is_bad = dice.random() < (0.03 if url == RECEIVERS[0] else 0.25)
            outcome = ("exhausted" if attempt == 3 else "retry") if is_bad else "delivered"
            self.offset += 1
            yield JobEventRow(
                "job.events", 0, self.offset, "DeliveryAttempted", job.job_id, job.tenant, attempt=attempt,
                webhook_id=f"msg_{job.job_id}", url=url, status=503 if is_bad else 200, outcome=outcome,
                duration_ms=took_ms, at=int(at_ms + took_ms),
            )  # fmt: skip
            if not is_bad:
                return
            at_ms += 5_000 * attempt

    def retry(self, job: AnswerRow) -> JobEventRow:
        """An attempt at the model server that failed."""
        self.offset += 1
        return JobEventRow(
            "job.events", 0, self.offset, "RetryScheduled", job.job_id, job.tenant, attempt=1, tries=1,
            reason=self.dice.choices(("overloaded", "connection lost"), (4, 1))[0], after_s=0.4,
            at=job.received_at + 30,
        )  # fmt: skip

    def feedback(self, job: AnswerRow) -> FeedbackRow:
        """What somebody thought of the answer."""
        dice = self.dice
        is_up = dice.random() < 0.86
        kind = dice.choices(("thumb", "score", "comment"), (12, 2, 1))[0]
        value = ("up" if is_up else "down") if kind == "thumb" else "0.8" if kind == "score" else ""
        self.offset += 1
        return FeedbackRow(
            "feedback", 0, self.offset, f"fb_{self.offset}", job.job_id, job.tenant, "key_1", kind, value,
            "Right, but too long." if kind == "comment" else "", {"up": 1.0, "down": 0.0, "0.8": 0.8}.get(value),
            "" if is_up or kind != "thumb" else "It missed the second half of the question.", [],
            f"user-{dice.randint(1, 9)}",
            job.finished_at + 20_000,
        )  # fmt: skip


def write_history(
    store: ClickHouseSettings, tenant: str, *, until_ms: float, hours: float, an_hour: float, seed: int = 7
) -> list[AnswerRow]:
    """Fill the tables with a past that ends at `until_ms`; returns its jobs."""
    history = History(tenant, random.Random(seed))
    jobs = list(history.jobs(until_ms - hours * HOUR_MS, until_ms - 2_000, an_hour))
    jobs = [each for each in jobs if each.finished_at < until_ms]
    events = [event for job in jobs if job.has_webhook for event in history.deliveries(job)]
    events += [history.retry(job) for job in jobs if history.dice.random() < 0.02]
    said = [history.feedback(job) for job in jobs if job.status == "completed" and history.dice.random() < 0.08]
    rows = (
        (ANSWERS, jobs),
        (JOB_EVENTS, [each for each in events if each.at < until_ms]),
        (FEEDBACK, [each for each in said if each.at < until_ms]),
    )
    writer = Writer(store)
    for topic, found in rows:
        months = sorted(
            {each.received_at // (31 * 24 * HOUR_MS) if isinstance(each, AnswerRow) else 0 for each in found}
        )
        for month in months:
            part = [
                each for each in found
                if not isinstance(each, AnswerRow) or each.received_at // (31 * 24 * HOUR_MS) == month
            ]  # fmt: skip
            writer.insert(TABLES[topic], part, f"history-{tenant}-{topic.name}-{month}-{seed}")
    writer.close()
    return jobs
