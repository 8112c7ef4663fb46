"""The audit of a whole service: the log, Redis, ClickHouse and the webhooks tell the same of every job."""

from datetime import UTC, datetime

import aiohttp
from clickhouse_driver import Client

from tests.support.audited import audited
from tests.support.checker import check
from tests.support.load import submit_all
from tests.support.receiver import Receiver
from tests.support.whole import Whole


async def test_all_who_show_the_log_agree_with_it_and_a_row_that_goes_missing_is_found(
    service: Whole, client: aiohttp.ClientSession, receiver: Receiver
) -> None:
    since = datetime.now(UTC).isoformat()
    jobs = await submit_all(client, receiver, "to be audited", count=12)
    assert (await check(service, client, receiver, jobs, within_s=60)).faults == []

    before = await audited(service, "--from", since)
    drop_row(service, jobs[0])
    after = await audited(service, "--from", since)

    assert before["offenders"] == []
    assert before["violations"] == {"lost": 0, "doubled": 0, "redis": 0, "clickhouse": 0, "webhooks": 0}
    for view in ("redis", "clickhouse", "webhooks"):
        assert sum(before[view].values()) >= len(jobs)
    assert [(each["kind"], each["job_id"]) for each in after["offenders"]] == [("clickhouse", jobs[0])]


def drop_row(service: Whole, job: str) -> None:
    client = Client.from_url(service.stack["clickhouse"])
    try:
        client.execute("DELETE FROM answers WHERE job_id = %(job)s", {"job": job})
    finally:
        client.disconnect()
