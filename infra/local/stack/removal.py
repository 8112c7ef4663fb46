"""Deleting the data of a stack: only what a stack made, and only in a folder that is one's own."""

import shutil
from pathlib import Path

from infra import lock
from infra.errors import WrongSetting
from infra.local.stack.checkout import MADE, Checkout


def refuse_what_is_no_stacks(folder: Path, *keep: Path) -> None:
    """Refuse a folder that no stack made, that is a link, or that holds any of `keep` (where we are, our home).

    Raises:
        WrongSetting: says why nothing is deleted.
    """
    why = _why_not(folder, keep)
    if why:
        raise WrongSetting(f"nothing is deleted: {why}")


def remove(checkout: Checkout) -> list[str]:
    """Delete all that a stack made there, holding its lock; the names of what is left because others made it.

    Raises:
        AlreadyRunning: a stack runs there.
    """
    folder = checkout.folder
    with lock.held(checkout.lock):
        for name in MADE:
            _delete(folder / name)
            for half_written in folder.glob(f".{name}.*"):
                _delete(half_written)
        left = sorted(each.name for each in folder.iterdir())
        if not left:
            folder.rmdir()
    return left


def _why_not(folder: Path, keep: tuple[Path, ...]) -> str:
    if folder.is_symlink():
        return f"{folder} is a link to {folder.resolve()}; set HEADRACE_LOCAL__DIR to that folder itself"
    whole = folder.resolve()
    if inside := next((each for each in keep if each.resolve().is_relative_to(whole)), None):
        return f"{inside.resolve()} is in {whole}, so that is more than a stack's folder; delete its data by hand"
    links = [name for name in MADE if (folder / name).is_symlink()]
    if links:
        return f"{folder / links[0]} is a link to {(folder / links[0]).resolve()}; delete that by hand"
    if not Checkout(folder).is_ours:
        return f"{whole} is no folder that `headrace up` made (it has no stack.id); delete its data by hand"
    return ""


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
