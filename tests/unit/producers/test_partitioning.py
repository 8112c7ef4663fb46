"""Which partition a record goes to: it must be the same for ever, and in every client."""

import pytest

from producers.log import partitioning
from producers.log.partitioning import SHARE, of_key, of_prompt


@pytest.mark.parametrize(
    ("key", "partition"), [("", 4), ("acme", 1), ("job_01m821xt85s7w6fb91qabymx0e", 6), ("conv_1", 7), ("Zoë", 2)]
)
def test_the_partition_of_a_key_never_changes(key: str, partition: int) -> None:
    assert of_key(key, 8) == partition


@pytest.mark.parametrize(
    ("tenant", "spread_by", "partition"), [("acme", "job_1", 7), ("acme", "job_2", 3), ("umbrella", "conv_1", 6)]
)
def test_the_partition_of_a_prompt_never_changes(tenant: str, spread_by: str, partition: int) -> None:
    assert of_prompt(tenant, spread_by, 8) == partition


@pytest.mark.parametrize("tenant", ["acme", "umbrella", "t-1", "", "Zoë"])
def test_a_tenant_touches_its_share_of_the_partitions_and_no_more(tenant: str) -> None:
    touched = {of_prompt(tenant, f"job_{each}", 8) for each in range(2000)}

    assert len(touched) == SHARE


def test_tenants_are_spread_over_all_partitions() -> None:
    touched = [of_prompt(f"tenant-{tenant}", f"job_{each}", 8) for tenant in range(100) for each in range(40)]

    for partition in range(8):
        assert 0.06 < touched.count(partition) / len(touched) < 0.20, f"partition {partition}"


def test_a_conversation_stays_on_one_partition_whatever_its_jobs() -> None:
    assert len({of_prompt("acme", "conv_1", 8) for _ in range(10)}) == 1


def test_a_new_partition_takes_little_from_the_others() -> None:
    """Rendezvous hashing: with one partition more, a tenant's share changes by at most that one."""
    for number in range(100):
        before = {of_prompt(f"t{number}", str(each), 8) for each in range(60)}
        after = {of_prompt(f"t{number}", str(each), 9) for each in range(60)}
        assert len(before - after) <= 1


@pytest.mark.parametrize("partitions", [1, 2, 3])
def test_fewer_partitions_than_the_share_are_all_used(partitions: int) -> None:
    assert {of_prompt("acme", str(each), partitions) for each in range(200)} == set(range(partitions))


def test_keys_are_spread_evenly() -> None:
    touched = [of_key(f"job_{each}", 8) for each in range(4000)]

    assert all(0.10 < touched.count(partition) / 4000 < 0.15 for partition in range(8))
    assert partitioning.SHARE == 4, "a change moves the prompts of every tenant: drain the lanes first"
