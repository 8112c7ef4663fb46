"""Who holds a stack's folder, and who only looks as if."""

import os
import threading
from pathlib import Path

import pytest

from infra import lock
from infra.lock import AlreadyRunning, UnknownHolder
from tests.support.holding import holding


def test_a_second_stack_in_one_folder_is_refused_by_name_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / ".headrace" / "lock"
    with holding(path) as other:
        with pytest.raises(AlreadyRunning, match=f"process {other.pid}"), lock.held(path):
            pass

        other.kill()
        other.wait()
        with lock.held(path):
            assert int(path.read_text()) == os.getpid()


def test_the_holder_is_found_and_after_its_death_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert lock.holder(path) is None
    with holding(path) as other:
        assert lock.holder(path) == other.pid

        other.kill()
        other.wait()
        assert lock.holder(path) is None


def test_a_number_that_is_somebody_elses_by_now_is_nobody(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text(f"{os.getppid()}\n")

    assert lock.holder(path) is None


def test_a_held_lock_that_names_another_process_is_not_taken_for_its(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with holding(path):
        path.write_text(f"{os.getpid()}\n")

        with pytest.raises(UnknownHolder, match="lsof"):
            lock.holder(path)


def test_who_only_looks_keeps_nobody_from_starting(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            lock.is_held(path)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(200):
            with lock.held(path):
                pass
    finally:
        done.set()
        looking.join()


def test_a_lock_that_was_removed_while_it_was_taken_is_taken_anew(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with lock.held(path):
        path.unlink()
        with lock.held(path):
            assert lock.is_held(path)
