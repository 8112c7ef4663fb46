"""What one stack keeps beside its checkout, in `.headrace/`: its lock, secrets, ports and description."""

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.local.ports import remembered_ports

MADE: Final = (
    *("kafka", "redis", "clickhouse", "logs", "ready", "key.json", "secret.key", "stack.json"),
    # Last, so that a folder that is being deleted is known for a stack's to the end.
    *("ports.json", "lock"),
)
"""Everything that a stack makes in its folder."""


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
        """The file that the supervisor of this stack holds (see `infra.local.lock`)."""
        return self.folder / "lock"

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


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read; it is whole or not there."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    beside.replace(path)


def _pretty(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2) + "\n"
