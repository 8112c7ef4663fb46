"""Every record once in its table, whatever dies: real Kafka, real ClickHouse, the process as it runs."""

import asyncio
import base64
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from analytics.migrate import migrate
from analytics.reports.questions import questions
from analytics.reports.ranges import read_range
from analytics.settings import AnalyticsSettings
from infra.ids import new_id
from infra.local.processes.ports import free_ports
from producers.events import DeliveryAttempted, FeedbackGiven, JobClaimed
from producers.log import codec
from producers.log.topics import ANSWERS, FEEDBACK, JOB_EVENTS
from tests.integration.analytics.conftest import QUICK
from tests.support.analytics import Log, an_ingest, tell_all
from tests.support.builders import CLOCK, a_completed, a_failed, a_prompt
from tests.support.clickhouse import Database, RunningClickHouse, a_database
from tests.support.eventually import eventually_sync
from tests.support.scrape import scrape
from tests.support.stack import RunningPart

# Processes are started and killed several times over: slow where the machine is busy with other things.
pytestmark = pytest.mark.timeout(300)


def jobs_told(store: Database) -> int:
    """Total of the query that readers use."""
    asked = read_range({"since_s": "0", "bucket_s": "8640000"}, now_s=CLOCK.now_ms() / 1000 + 3600)
    rows = store.client.execute(questions()["totals"].sql, asked.parameters())
    return int(rows[0][0])


def count(store: Database, table: str) -> int:
    return int(store.client.execute(f"SELECT count() FROM {table} FINAL")[0][0])


def distinct(store: Database, table: str) -> tuple[int, int]:
    """Rows as readers see them, and distinct places in the log among them."""
    rows = store.client.execute(f"SELECT count(), uniqExact(topic, partition, offset) FROM {table} FINAL")
    return int(rows[0][0]), int(rows[0][1])


def test_what_happens_to_a_job_is_told_in_rows(log: Log, store: Database, ingest: RunningPart) -> None:
    prompt = a_prompt("Why?", tenant="acme")
    answered = a_completed(prompt, "So.", timeline={"received": 1.0, "claimed": 3.5, "finished": CLOCK.now_ms()})
    log.tell(ANSWERS, prompt.job_id, answered)
    job = {"job_id": prompt.job_id, "tenant": "acme", "attempt": 1, "at_ms": 1000.0}
    log.tell(JOB_EVENTS, prompt.job_id, JobClaimed(lane="standard", worker="w1", **job))  # type: ignore[arg-type]
    sent = DeliveryAttempted(webhook_id="msg_1", url="https://x", status=200, outcome="delivered", **job)  # type: ignore[arg-type]
    log.tell(JOB_EVENTS, prompt.job_id, sent)
    given = FeedbackGiven(
        feedback_id="fb_1", job_id=prompt.job_id, tenant="acme", key_id="k", kind="thumb", value="up", tags=("kind",)
    )
    log.tell(FEEDBACK, prompt.job_id, given)
    log.flush()

    ingest.start()

    eventually_sync(lambda: [count(store, each) for each in ("answers", "job_events", "feedback")] == [1, 2, 1])
    (row,) = store.client.execute(
        "SELECT job_id, answer, queue_wait_ms, status, toString(received_at) FROM answers FINAL"
    )
    assert row[:4] == (prompt.job_id, "So.", 2.5, "completed")
    assert store.client.execute("SELECT outcome FROM job_events FINAL WHERE webhook_id = 'msg_1'") == [("delivered",)]
    assert store.client.execute("SELECT score, tags FROM feedback FINAL") == [(1.0, ["kind"])]


def test_every_job_is_one_row_though_ingest_is_killed_again_and_again_in_mid_batch(
    log: Log, store: Database, ingest: RunningPart
) -> None:
    dice, killed = random.Random(16), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(tell_slowly, log, 1500, killed)
        try:
            for _ in range(3):
                ingest.start()
                before = count(store, "answers")
                eventually_sync(lambda before=before: count(store, "answers") > before)  # type: ignore[misc]
                time.sleep(dice.random() * 0.15)  # anywhere in a batch, not at its end
                ingest.kill()
        finally:
            killed.set()
        jobs = writing.result()
    ingest.start()

    eventually_sync(lambda: jobs_told(store) >= jobs, within_s=120)
    ingest.stop()
    assert jobs_told(store) == jobs
    assert distinct(store, "answers") == (jobs, jobs)
    assert store.client.execute("SELECT uniqExact(job_id) FROM answers") == [(jobs,)]


def tell_slowly(log: Log, least: int, until: threading.Event) -> int:
    """Tell of jobs, of so many at least, until that has happened; how many there were."""
    jobs = 0
    while jobs < least or not until.is_set():
        log.tell(ANSWERS, f"job_{jobs}", a_completed(a_prompt(job_id=f"job_{jobs}")))
        jobs += 1
        if jobs % 20 == 0:
            log.flush()
            time.sleep(0.02)
    log.flush()
    return jobs


def test_a_terminal_event_that_was_published_twice_counts_once_and_the_first_wins(
    log: Log, store: Database, ingest: RunningPart
) -> None:
    prompts = [a_prompt() for _ in range(20)]
    tell_all(log, ANSWERS, (a_completed(each, "first") for each in prompts))
    ingest.start()
    eventually_sync(lambda: jobs_told(store) == 20)

    tell_all(log, ANSWERS, (a_failed(each, "second") for each in prompts))
    for partition in range(ANSWERS.partitions):  # one more behind them in each partition: then all are read
        log.write(ANSWERS, partition, codec.encode(a_completed(a_prompt(), "first")))
    eventually_sync(lambda: jobs_told(store) >= 20 + ANSWERS.partitions)

    assert jobs_told(store) == 20 + ANSWERS.partitions
    assert store.client.execute("SELECT DISTINCT answer, status FROM answers FINAL") == [("first", "completed")]


def test_a_record_that_is_no_event_is_buried_once_and_the_rest_goes_on(
    log: Log, store: Database, ingest: RunningPart
) -> None:
    too_long = b"not json" * (400 * 1024)
    job_id = new_id("job", CLOCK)
    log.write(ANSWERS, 0, too_long, key=job_id)
    log.write(ANSWERS, 0, b'{"type":"AnswerCompleted"}')
    log.write(JOB_EVENTS, 1, b"\xff\x00")
    tell_all(log, ANSWERS, (a_completed(a_prompt()) for _ in range(10)))
    log.write(ANSWERS, 0, b"last of its partition")
    log.flush()

    ingest.start()
    eventually_sync(lambda: (jobs_told(store), count(store, "undecodable")) == (10, 4))
    for _ in range(2):
        ingest.kill()
        ingest.start()
    log.tell(ANSWERS, "job_after", a_completed(a_prompt(job_id="job_after")))
    log.flush()
    eventually_sync(lambda: jobs_told(store) == 11)

    letters = log.dead_letters()
    assert sorted((each.origin_topic, each.origin_partition) for each in letters) == [
        ("answers", 0), ("answers", 0), ("answers", 0), ("job.events", 1),
    ]  # fmt: skip
    first = next(each for each in letters if (each.origin_topic, each.origin_offset) == ("answers", 0))
    assert (first.reason, first.job_id) == ("undecodable", job_id)
    assert base64.b64decode(first.payload_base64) == too_long[: 1 << 20]
    assert first.error.endswith("(the first 1048576 of 3276800 bytes are kept)")


def test_clickhouse_may_go_away_and_come_back(log: Log, tmp_path: Path, own_clickhouse: RunningClickHouse) -> None:
    with a_database(own_clickhouse) as store:
        migrate(store.settings, QUICK)
        with an_ingest(tmp_path, log.settings, store.settings, QUICK) as ingest:
            ingest.start()
            tell_all(log, ANSWERS, (a_completed(a_prompt()) for _ in range(100)))
            own_clickhouse.kill()
            tell_all(log, ANSWERS, (a_completed(a_prompt()) for _ in range(100)))
            eventually_sync(lambda: "trying again" in ingest.log.read_text(), what="a word on it in the log")

            own_clickhouse.start()

            eventually_sync(lambda: jobs_told(store) == 200)
            assert distinct(store, "answers") == (200, 200)


def test_what_ingest_counts_tells_that_it_falls_behind_while_clickhouse_is_away(
    log: Log, tmp_path: Path, own_clickhouse: RunningClickHouse
) -> None:
    place = f"127.0.0.1:{free_ports(1)[0]}"

    def shown(sample: str) -> float:
        return asyncio.run(scrape(f"http://{place}/metrics")).get(sample, -1)

    lag, written, buried = (
        'headrace_consumer_lag{group="ingest",topic="answers"}',
        'headrace_rows_written_total{table="answers"}',
        'headrace_dead_letters_total{reason="undecodable"}',
    )
    with a_database(own_clickhouse) as store:
        migrate(store.settings, QUICK)
        with an_ingest(tmp_path, log.settings, store.settings, QUICK, metrics=place) as ingest:
            ingest.start()
            tell_all(log, ANSWERS, (a_completed(a_prompt()) for _ in range(10)))
            log.write(ANSWERS, 0, b"not json")
            log.flush()
            eventually_sync(lambda: (shown(written), shown(lag), shown(buried)) == (10, 0, 1))

            own_clickhouse.kill()
            tell_all(log, ANSWERS, (a_completed(a_prompt()) for _ in range(100)))
            eventually_sync(lambda: shown('headrace_waits_total{part="clickhouse"}') > 0)
            tell_all(log, ANSWERS, (a_completed(a_prompt()) for _ in range(100)))
            eventually_sync(lambda: shown(lag) >= 100, what="a lag that grows though nothing is read")

            own_clickhouse.start()
            eventually_sync(lambda: (shown(written), shown(lag)) == (210, 0), within_s=60)


def test_told_to_stop_while_clickhouse_is_away_it_stops_and_loses_nothing(
    log: Log, tmp_path: Path, own_clickhouse: RunningClickHouse
) -> None:
    with a_database(own_clickhouse) as store:
        migrate(store.settings, QUICK)
        with an_ingest(tmp_path, log.settings, store.settings, QUICK) as ingest:
            ingest.start()
            own_clickhouse.kill()
            tell_all(log, ANSWERS, (a_completed(a_prompt()) for _ in range(10)))
            eventually_sync(lambda: "trying again" in ingest.log.read_text(), what="a word on it in the log")
            ingest.stop()
            assert "stopped while waiting" in ingest.log.read_text()

            own_clickhouse.start()
            ingest.start()

            eventually_sync(lambda: jobs_told(store) == 10)


def test_two_ingests_side_by_side_are_a_waste_and_no_harm(
    log: Log, store: Database, ingest: RunningPart, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    with an_ingest(tmp_path / "other", log.settings, store.settings, QUICK) as other:
        ingest.start()
        other.start()

        tell_all(log, ANSWERS, (a_completed(a_prompt()) for _ in range(300)))
        eventually_sync(lambda: jobs_told(store) >= 300)
    ingest.stop()

    assert distinct(store, "answers") == (300, 300)


def test_ingest_waits_for_its_tables_and_leaves_text_out_where_told(
    log: Log, clickhouse: Database, tmp_path: Path
) -> None:
    settings = AnalyticsSettings(batch_age_s=0.1, store_text=False)
    tell_all(log, ANSWERS, (a_completed(a_prompt("a secret"), "a secret") for _ in range(10)))
    with an_ingest(tmp_path, log.settings, clickhouse.settings, settings) as ingest:

        def migrate_once_missed() -> None:
            eventually_sync(lambda: ingest.log.exists() and "trying again" in ingest.log.read_text(), within_s=60)
            migrate(clickhouse.settings, settings)

        migrating = threading.Thread(target=migrate_once_missed)
        migrating.start()

        ingest.start()

        migrating.join()
        eventually_sync(lambda: jobs_told(clickhouse) == 10)
    assert clickhouse.client.execute("SELECT DISTINCT prompt, answer FROM answers FINAL") == [("", "")]
