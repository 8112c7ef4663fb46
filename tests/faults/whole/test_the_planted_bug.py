"""With Faust's own transport the service loses a job, and the checker says which: our crash tests can fail."""

from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.support.audited import audited
from tests.support.checker import check
from tests.support.load import overtaken, some_done, submit_all
from tests.support.receiver import Receiver
from tests.support.whole import Whole, whole

# The dead worker's lease lapses long before the checker gives up.
STOCK = {"HEADRACE_WORKER__TRANSPORT": "stock", "HEADRACE_WORKER__LEASE_S": "1"}
PATIENCE_S = 3.0

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Whole]:
    """A service of this test's own, with the bug."""
    with whole(tmp_path, **STOCK) as running:
        yield running


async def test_a_worker_with_fausts_own_transport_loses_the_overtaken_job_in_a_crash(
    service: Whole, client: aiohttp.ClientSession, receiver: Receiver
) -> None:
    held, others = await overtaken(service, client, receiver)

    service.kill("worker")

    await some_done(client, await submit_all(client, receiver, "after the crash", count=1), 1)
    assert (await check(service, client, receiver, others, within_s=90)).faults == []
    outcome = await check(service, client, receiver, [held], within_s=PATIENCE_S)
    assert outcome.faults == [
        f"{held} is running",
        f"{held} has no ending in the log",
        f"{held} has 0 rows",
        f"{held} was told under 0 webhook ids",
    ]
    (offender,) = (await audited(service))["offenders"]
    assert (offender["kind"], offender["job_id"]) == ("lost", held)
    assert offender["what"] == "its prompt was acknowledged, and no ending written"
