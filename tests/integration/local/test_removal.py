"""`reset` deletes what a stack made, in a stack's own folder, and nothing else."""

from pathlib import Path

import pytest

from infra import lock
from infra.errors import WrongSetting
from infra.local.stack import removal
from infra.local.stack.checkout import MADE, Checkout
from infra.lock import AlreadyRunning
from tests.support.holding import holding


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a stack leaves behind."""
    folder = tmp_path / ".headrace"
    for name in ("kafka", "redis", "clickhouse", "logs", "ready"):
        (folder / name / "deep").mkdir(parents=True)
        (folder / name / "deep" / "data").write_text("x" * 5000)
    for name in ("key.json", "secret.key", "ports.json", "lock", "stack.id", ".stack.json.123"):
        (folder / name).write_text("{}")
    return folder


def test_all_that_a_stack_made_is_deleted_and_the_folder_with_it(folder: Path) -> None:
    removal.refuse_what_is_no_stacks(folder, folder.parent / "elsewhere")

    assert removal.remove(Checkout(folder)) == []
    assert not folder.exists()


def test_what_others_put_there_stays_and_is_named(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")

    assert removal.remove(Checkout(folder)) == ["notes.txt"]
    assert [each.name for each in folder.iterdir()] == ["notes.txt"]


def test_what_a_link_inside_the_data_leads_to_stays(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("mine")
    (folder / "kafka" / "link").symlink_to(tmp_path / "precious")

    removal.remove(Checkout(folder))

    assert (tmp_path / "precious" / "file").read_text() == "mine"


def test_a_deletion_that_was_cut_can_be_taken_up(folder: Path) -> None:
    (folder / ".stack.json.123").unlink()
    for name in MADE[:-1]:
        removal.refuse_what_is_no_stacks(folder)
        removal._delete(folder / name)

    removal.refuse_what_is_no_stacks(folder)
    assert removal.remove(Checkout(folder)) == []


def test_a_folder_that_runs_is_left_alone(folder: Path) -> None:
    with holding(folder / "lock"), pytest.raises(AlreadyRunning):
        removal.remove(Checkout(folder))

    assert (folder / "kafka").exists()
    assert not lock.is_held(folder / "lock")


def refused(folder: Path, *keep: Path) -> str:
    with pytest.raises(WrongSetting) as error:
        removal.refuse_what_is_no_stacks(folder, *keep)
    return str(error.value)


def test_a_folder_that_is_no_stacks_is_refused(folder: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    (foreign / "kafka").mkdir(parents=True)
    (foreign / "lock").write_text("")
    (foreign / "ports.json").write_text("{}")
    (foreign / "secret.key").write_text("")
    (foreign / "thesis.tex").write_text("")
    (tmp_path / "bare").mkdir()

    assert "is no folder that `headrace up` made" in refused(foreign)
    assert "is no folder that `headrace up` made" in refused(tmp_path / "bare")


def test_a_folder_that_others_use_is_not_taken_and_not_touched(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "theirs.log").write_text("mine")

    with pytest.raises(WrongSetting, match="is not empty, and no stack made it"):
        Checkout(tmp_path).claim()

    assert [each.name for each in tmp_path.iterdir()] == ["logs"]


def test_an_empty_folder_a_new_one_and_one_of_a_stack_are_taken(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (folder / "stack.id").unlink()
    removal.refuse_what_is_no_stacks(folder)

    for each in (tmp_path / "empty", tmp_path / "deep" / "new", folder, folder):
        Checkout(each).claim()
        assert (each / "stack.id").exists()


def test_the_root_a_home_and_where_we_are_are_refused(folder: Path) -> None:
    assert "more than a stack's folder" in refused(Path("/"), Path.cwd())
    assert "more than a stack's folder" in refused(folder, folder)
    assert "more than a stack's folder" in refused(folder, folder / "kafka")


def test_links_are_refused_with_where_they_lead(folder: Path, tmp_path: Path) -> None:
    link, disk = tmp_path / "link", tmp_path / "disk"
    link.symlink_to(folder)
    assert str(folder) in refused(link)

    (folder / "kafka").rename(disk)
    (folder / "kafka").symlink_to(disk)
    assert str(disk) in refused(folder)
