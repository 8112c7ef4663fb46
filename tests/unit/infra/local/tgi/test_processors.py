"""How many processors the control groups of a process leave it."""

import math
from pathlib import Path

import pytest

from infra.local.tgi.llama.processors import compute_threads, quota_cores


def write(groups: Path, **files: str) -> None:
    groups.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (groups / name.replace("__", ".")).write_text(content)


@pytest.mark.parametrize(
    ("said", "cores"),
    [("200000 100000\n", 2.0), ("150000 100000\n", 1.5), ("max 100000\n", math.inf), ("", math.inf), ("x y", math.inf)],
)
def test_a_container_is_held_to_its_quota(tmp_path: Path, said: str, cores: float) -> None:
    write(tmp_path, cpu__max=said)

    assert quota_cores("0::/\n", tmp_path) == cores


def test_the_tightest_group_above_a_process_counts(tmp_path: Path) -> None:
    write(tmp_path / "a.slice", cpu__max="300000 100000\n")
    write(tmp_path / "a.slice" / "b.service", cpu__max="max 100000\n")
    write(tmp_path / "another.slice", cpu__max="100000 100000\n")

    assert quota_cores("0::/a.slice/b.service\n", tmp_path) == 3.0


def test_a_group_of_version_1_is_found_under_its_controller_also_where_its_name_is_that_of_outside(
    tmp_path: Path,
) -> None:
    write(tmp_path / "cpu,cpuacct", cpu__cfs_quota_us="250000\n", cpu__cfs_period_us="100000\n")
    write(tmp_path / "memory", cpu__cfs_quota_us="100000\n", cpu__cfs_period_us="100000\n")
    membership = "5:memory:/docker/4f2a\n4:cpu,cpuacct:/docker/4f2a\n1:name=systemd:/\n0::/\n"

    assert quota_cores(membership, tmp_path) == 2.5

    write(tmp_path / "cpu,cpuacct", cpu__cfs_quota_us="-1\n")
    assert quota_cores(membership, tmp_path) == math.inf


def test_a_system_without_control_groups_has_no_quota(tmp_path: Path) -> None:
    assert quota_cores("", tmp_path) == math.inf
    assert compute_threads() >= 1
