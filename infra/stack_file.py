"""`stack.json`: how a running stack describes itself, so that a command without an address finds it.

The embedded stack's supervisor writes it, and beside it keeps the key under which its webhook secrets are encrypted.
It counts only while a supervisor holds the folder's lock: who was killed removed nothing of what it had said.
Whoever runs a command in a folder need not trust what lies there: a secret of theirs never follows an address from it.
"""

import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from infra import lock
from infra.errors import Unavailable, WrongSetting
from infra.settings import Block, LocalSettings

NAME: Final = "stack.json"
KEY_FILE: Final = "secret.key"
LOCK: Final = "lock"

# By block: which settings the file stands in for. The first is the address; where it is given, nothing is filled in,
# because a secret of the stack must not go to another server.
_STANDS_FOR: Final[dict[str, dict[str, str]]] = {
    "": {"secret_key": "secret_key"},
    "kafka": {"bootstrap_servers": "kafka"},
    "redis": {"url": "redis"},
    "clickhouse": {"url": "clickhouse"},
    "tgi": {"url": "tgi"},
    "embeddings": {"url": "embeddings"},
    "files": {"dir": "files"},
    "client": {"url": "gateway_url", "api_key": "api_key"},
}

Settings = TypeVar("Settings", bound=Block)


class Stack(msgspec.Struct, frozen=True, kw_only=True):
    """A running stack: addresses in the form the settings take, a development key, each process's pid and metrics.

    All of it ends with its supervisor; a child may be away for a moment, and is then started again.
    """

    gateway_url: str = ""
    api_key: str = ""
    webhook_secret: str = ""
    receiver_url: str = ""
    kafka: str = ""
    redis: str = ""
    clickhouse: str = ""
    tgi: str = ""
    embeddings: str = ""
    files: str = ""
    shared: dict[str, str] = {}
    """By variable, what a gateway or a worker beside the stack's own is to have as well."""
    supervisor: int = 0
    processes: dict[str, int] = {}
    metrics: dict[str, str] = {}
    secret_key: str = ""
    is_running: bool = False
    """Whether anybody holds the lock of its folder; what the file itself says of it does not matter."""


def path_of(settings: LocalSettings) -> Path:
    """Where the stack of this checkout describes itself."""
    return settings.dir / NAME


def read(settings: LocalSettings) -> Stack | None:
    """The stack of this checkout, or None where none was started.

    Raises:
        WrongSetting: the file is there and cannot be understood, or others than we could have written it.
    """
    path = path_of(settings)
    try:
        stack = msgspec.json.decode(_our_own(path), type=Stack)
        secret = settings.dir / KEY_FILE
        return msgspec.structs.replace(
            stack,
            secret_key=_our_own(secret).strip() if secret.exists() else "",
            is_running=lock.is_held(settings.dir / LOCK),
        )
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise WrongSetting(f"{path} cannot be read ({error}); remove it and start the stack anew") from None


def address_of(block: Block) -> str:
    """The address that the block gives for its part; empty where it gives none."""
    return str(getattr(block, next(iter(_STANDS_FOR[block.block]))))


def addressed(block: Settings, stack: Stack | None) -> Settings:
    """The block, its address taken from the running stack where the settings give none.

    Raises:
        WrongSetting: a secret of the block is given, and is not to go to whatever address the folder names.
        Unavailable: the stack was killed, so that nobody removed what it said of itself.
    """
    fills = _STANDS_FOR.get(block.block, {})
    if stack is None or not fills or address_of(block):
        return block
    if given := [each.name for each in block.shown() if each.secret and each.value != each.default]:
        raise WrongSetting(
            f"{given[0]} is given and {block.variable(next(iter(fills)))} is not: give the address too, or leave the "
            f"secret out to use the stack that runs in this folder"
        )
    refuse_stopped(stack)
    return replace(block, **{name: getattr(stack, attribute) for name, attribute in fills.items()})


def shared(kind: type[Settings], stack: Stack | None) -> Settings:
    """The block as it is given here, and where it is not, as the running stack's processes have it.

    Raises:
        WrongSetting: a value does not fit; the variable is named.
    """
    return kind.from_env(otherwise=stack.shared if stack else {})


def refuse_stopped(stack: Stack) -> None:
    """Refuse what a stack said of itself that runs no more.

    Raises:
        Unavailable: it was killed, so that nobody removed what it said.
    """
    if not stack.is_running:
        gone = f" (its process {stack.supervisor} is gone)" if stack.supervisor else ""
        raise Unavailable("stack", f"the stack of this folder is not running{gone}: `headrace up` starts it")


def _our_own(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        about = os.fstat(file.fileno())
        if about.st_uid != os.geteuid() or about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise WrongSetting(
                f"{path} is not yours alone to write, so it is not believed: give addresses by the environment, "
                "or remove it and start the stack anew as this user"
            )
        return file.read()
