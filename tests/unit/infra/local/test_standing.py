"""When a stack is ready, and how what is known of it is said."""

from pathlib import Path

import pytest

from infra.local.commands.standing_shown import lasted, sizes_line
from infra.local.disk import footprint
from infra.local.stack.standing import EXIT_CODES, Process, State, verdict
from infra.stack_file import Stack

READY, AWAY = Process("kafka", 1, "", ready=True), Process("worker", 2, "", ready=False)


@pytest.mark.parametrize(
    ("supervisor", "stack", "processes", "state"),
    [
        (None, None, (), "stopped"),
        (None, Stack(), (READY,), "stopped"),
        (7, None, (), "starting"),
        (7, Stack(), (READY, READY), "ready"),
        (7, Stack(), (READY, AWAY), "not_ready"),
    ],
)
def test_a_stack_is_ready_only_where_all_of_it_is(
    supervisor: int | None, stack: Stack | None, processes: tuple[Process, ...], state: State
) -> None:
    assert verdict(supervisor, stack, processes) == state
    assert (EXIT_CODES[state] == 0) == (state == "ready")


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (61, "1 min 1 s"), (3_700, "1 h 1 min"), (200_000, "2 d 7 h")]
)
def test_a_time_span_is_said_in_its_two_largest_units(seconds: float, said: str) -> None:
    assert lasted(seconds) == said


def test_a_file_of_two_names_is_counted_once_and_a_link_not_followed(tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(b"x" * 1_000_000)
    stack = tmp_path / "stack"
    (stack / "clickhouse" / "parts").mkdir(parents=True)
    (stack / "clickhouse" / "one").write_bytes(b"x" * 50_000)
    (stack / "clickhouse" / "parts" / "two").hardlink_to(stack / "clickhouse" / "one")
    (stack / "kafka").symlink_to(big)

    found = footprint.sizes(stack)

    assert 50_000 <= found["clickhouse"] < 80_000
    assert found["kafka"] < 10_000
    assert footprint.sizes(tmp_path / "nowhere") == dict.fromkeys(found, 0)


def test_sizes_are_said_of_what_there_is() -> None:
    assert sizes_line({"kafka": 1_200_000, "redis": 0}) == "1.2 MB (kafka 1.2 MB)"
