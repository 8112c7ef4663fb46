"""From what a ledger heard to the verdict. Pure but for the ledger's store."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from producers.auditing.ledger import Ledger
from producers.auditing.verdict import KINDS, Executions, Kind, Offender, Verdict
from producers.jobs.record import ENDED
from producers.state.retention import Retention

OVERDUE_MS: Final = 60_000.0
"""So long after its deadline a job has ended: a worker hears of it within a few seconds, the reaper within one."""
MOST_SHOWN: Final = 20
KEPT_MS: Final = Retention().job_ms - 3_600_000
"""So long after its ending Redis knows a job for sure: clocks differ a little."""
_GONE: Final = "gone from the log"
_VIEWS: Final = (Path(__file__).parent / "rules.sql").read_text()
_BROKEN: Final = """
    SELECT job, place, fate FROM fates WHERE kind = :kind AND substr(fate, 1, 1) = '!' ORDER BY job LIMIT :most
"""
_KEPT: Final = """
    SELECT fate, count(*) FROM fates WHERE kind = :kind AND substr(fate, 1, 1) <> '!' GROUP BY 1 ORDER BY 1
"""
_VIOLATIONS: Final = "SELECT count(*) FROM fates WHERE kind = :kind AND substr(fate, 1, 1) = '!'"
_EXECUTIONS: Final = """
    SELECT count(*), sum(attempts), (SELECT sum(records) FROM tries WHERE job IN jobs),
        sum(max(attempts - 1 - coalesce(records, 0), 0))
    FROM executions LEFT JOIN tries USING (job) WHERE attempts > 0
"""


def judge(
    ledger: Ledger, now_ms: float, *, asked: frozenset[Kind] = frozenset(KINDS), most_shown: int = MOST_SHOWN
) -> Verdict:
    """What follows from all that was heard by `now_ms`; of kinds that were not `asked` about nothing is said.

    It may be judged again once more was heard.
    """
    _prepare(ledger, now_ms)
    told = [kind for kind in KINDS if kind in asked]
    ended = dict.fromkeys(sorted(ENDED), 0) | _counts(ledger, "SELECT status, count(*) FROM firsts GROUP BY 1")
    in_flight = _counts(ledger, _KEPT, kind="lost")
    gone = in_flight.pop(_GONE, 0)
    violations = {kind: ledger.one(_VIOLATIONS, kind=kind) for kind in told}
    compared = {kind: _counts(ledger, _KEPT, kind=kind) if kind in asked else {} for kind in KINDS}
    return Verdict(
        accepted=sum(ended.values()) + sum(in_flight.values()) + violations.get("lost", 0),
        ended=ended,
        in_flight=in_flight,
        gone=gone,
        violations=violations,
        offenders=tuple(each for kind in told for each in _offenders(ledger, kind, most_shown)),
        executions=Executions(*(int(each or 0) for each in next(ledger.ask(_EXECUTIONS)))),
        said_again=ledger.one("SELECT sum(is_same) FROM repeats"),
        overruled=ledger.one("SELECT sum(NOT is_same) FROM repeats"),
        prompts_again=ledger.one("SELECT sum(records - 1) FROM prompts"),
        redis=compared["redis"],
        clickhouse=compared["clickhouse"],
        webhooks=compared["webhooks"],
    )


def _prepare(ledger: Ledger, now_ms: float) -> None:
    if not ledger.one("SELECT count(*) FROM sqlite_temp_master WHERE name = 'facts'"):
        ledger.learn(_VIEWS)
    facts = {"now_ms": now_ms, "overdue_ms": OVERDUE_MS, "job_ms": KEPT_MS}
    list(ledger.ask("DELETE FROM facts"))
    list(ledger.ask("INSERT INTO facts VALUES (:now_ms, :overdue_ms, :job_ms)", **facts))


def _offenders(ledger: Ledger, kind: Kind, most: int) -> Iterator[Offender]:
    found = ledger.ask(_BROKEN, kind=kind, most=most)
    return (Offender(kind, job, place, fate[1:]) for job, place, fate in found)


def _counts(ledger: Ledger, sql: str, **named: str) -> dict[str, int]:
    return dict(ledger.ask(sql, **named))
