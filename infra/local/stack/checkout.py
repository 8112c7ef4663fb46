"""What one stack keeps beside its checkout, in `.headrace/`: its lock, secrets, ports and description."""

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra import stack_file
from infra.errors import WrongSetting
from infra.local.processes.ports import remembered_ports

MADE: Final = (
    *("kafka", "redis", "clickhouse", "tgi", "files", "logs", "ready", "key.json", "secret.key", "stack.json"),
    # Last, so that a folder that is being deleted is known for a stack's to the end.
    *("ports.json", "lock", "stack.id"),
)
"""Everything that a stack makes in its folder; `stack.id` says that the folder is a stack's own."""


@dataclass(frozen=True)
class DevelopmentKey:
    """The API key that the stack makes for itself, and the secret its webhooks are signed with."""

    api_key: str
    webhook_secret: str


@dataclass(frozen=True)
class Checkout:
    """The folder of one stack."""

    folder: Path

    @property
    def lock(self) -> Path:
        """The file that the supervisor of this stack holds (see `infra.lock`)."""
        return self.folder / stack_file.LOCK

    @property
    def is_ours(self) -> bool:
        """Whether a stack made this folder: it says so, or it is of before stacks did and holds nothing else."""
        there = {each.name for each in self.folder.iterdir()} if self.folder.is_dir() else set()
        made_before = {"lock", "ports.json", "secret.key"} <= there and all(map(_is_made, there))
        return "stack.id" in there or made_before

    def claim(self) -> None:
        """Take the folder for a stack's own, where it is one, or is empty or not there yet.

        Raises:
            WrongSetting: others have something there, that a stack could overwrite and `headrace reset` delete.
        """
        if self.folder.is_dir() and any(self.folder.iterdir()) and not self.is_ours:
            where = self.folder.absolute()
            raise WrongSetting(
                f"{where} is not empty, and no stack made it: set HEADRACE_LOCAL__DIR to a folder that is empty or not "
                f"there yet, {where / 'headrace'} for one (if all in it is a stack's: `touch {where / 'stack.id'}`)"
            )
        self.mark()

    def mark(self) -> None:
        """Say in the folder that it is a stack's own.

        Raises:
            WrongSetting: nothing can be written there.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / "stack.id").touch()
        except OSError as error:
            raise WrongSetting(
                f"nothing can be written to {self.folder.absolute()} ({error.strerror}): set HEADRACE_LOCAL__DIR to a "
                "folder of yours"
            ) from None

    def ports(self, names: Iterable[str]) -> dict[str, int]:
        """A port for each name, the same as the last time where that is still free."""
        return remembered_ports(self.folder / "ports.json", list(names))

    def secret_key(self) -> str:
        """The key under which webhook secrets are encrypted: made once, then kept."""
        path = self.folder / "secret.key"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(48) + "\n")
        return path.read_text().strip()

    def development_key(self, identity: str) -> DevelopmentKey | None:
        """The key an earlier run made, if it belongs to the same log and secrets."""
        try:
            kept = json.loads((self.folder / "key.json").read_text())
            return DevelopmentKey(kept["api_key"], kept["webhook_secret"]) if kept["identity"] == identity else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep_development_key(self, identity: str, key: DevelopmentKey) -> None:
        """Keep the key for later runs."""
        write_private(self.folder / "key.json", _pretty({"identity": identity, **vars(key)}))

    def describe(self, description: Mapping[str, Any]) -> None:
        """Write stack.json."""
        write_private(self.folder / "stack.json", _pretty(description))

    def forget_description(self) -> None:
        """Remove stack.json: nothing runs any more."""
        (self.folder / "stack.json").unlink(missing_ok=True)


def _is_made(name: str) -> bool:
    return name in MADE or any(name.startswith(f".{made}.") for made in MADE)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read; it is whole or not there."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    beside.replace(path)


def _pretty(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2) + "\n"
