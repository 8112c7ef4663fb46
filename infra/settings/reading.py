"""The only reader of the environment: frozen blocks of settings, each field with its unit, default and meaning.

A field `session_timeout_s` of the block `kafka` is read from `HEADRACE_KAFKA__SESSION_TIMEOUT_S`, or else from the file
(`sources`). A room declares its own blocks in `<room>/settings.py` and lists them in setup.cfg under
`headrace.settings`, so that a variable which bears our prefix and which no block knows is refused by name: a typo must
not be a silent default.
"""

import math
import os
import re
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from importlib.metadata import entry_points
from typing import Any, ClassVar, Self

from infra.errors import WrongSetting
from infra.settings.sources import ENVIRONMENT, IN_A_FILE, PREFIX, Given, Sources, at_home

MASK = "********"
# scheme://user:password@host: greedy, because a password may itself hold a slash or an @.
_PASSWORD = re.compile(r"(://[^:/@\s]*:)\S*@")


def setting(default: Any, meaning: str, *, secret: bool = False) -> Any:
    """Declare one setting: its default and a one-line meaning; a secret is masked wherever settings are shown."""
    return field(default=default, metadata={"meaning": meaning, "secret": secret}, repr=not secret)


@dataclass(frozen=True)
class Setting:
    """One setting as it stands: for `headrace doctor` and the documentation."""

    name: str
    value: Any
    default: Any
    meaning: str
    secret: bool
    source: str = ""
    """Where it was given, for people; empty where it has its default, or was made by a program."""

    @property
    def shown(self) -> str:
        """The value as it may be shown to a person: a secret is masked, and so is a password inside an address."""
        if self.secret:
            return MASK if self.value else ""
        return without_password(_format(self.value))

    @property
    def default_shown(self) -> str:
        """The default, written as it would be given."""
        return _format(self.default)

    @property
    def changed(self) -> bool:
        """Whether the value differs from the default."""
        return bool(self.value != self.default)


@dataclass(frozen=True)
class Block:
    """Base of every block of settings; `block` is its part of the variable's name."""

    block: ClassVar[str] = ""

    @classmethod
    def variable(cls, name: str) -> str:
        """Name of the environment variable of the field `name`."""
        return f"{PREFIX}{cls.block.upper()}__{name.upper()}" if cls.block else f"{PREFIX}{name.upper()}"

    @classmethod
    def from_env(
        cls, environ: Mapping[str, str] | None = None, otherwise: Mapping[str, str] = types.MappingProxyType({})
    ) -> Self:
        """Read the block from the environment, and from the file that it names.

        Args:
            environ: the environment; None: that of this process.
            otherwise: by variable, what the running stack has, for what is not given.

        Raises:
            WrongSetting: a value does not fit its type, or the block contradicts itself; the variable is named.
        """
        sources, hints = Sources(os.environ if environ is None else environ), typing.get_type_hints(cls)
        values = {}
        for each in fields(cls):
            variable = cls.variable(each.name)
            given = sources.find(variable)
            if given is None and variable in otherwise:
                given = Given(otherwise[variable], "the running stack")
            if given is not None:
                values[each.name] = _parse(variable, given, hints[each.name], secret=each.metadata["secret"])
        block = cls(**values)
        block.check()
        return block

    def check(self) -> None:
        """Refuse contradictions between the settings of this block; raises WrongSetting."""

    def shown(self, sources: Sources | None = None) -> Iterator[Setting]:
        """Every setting of the block, in order of declaration; with `sources`, each with where it was given."""
        for each in fields(self):
            given = sources.find(self.variable(each.name)) if sources else None
            yield Setting(
                name=self.variable(each.name),
                value=getattr(self, each.name),
                default=each.default,
                meaning=each.metadata["meaning"],
                secret=each.metadata["secret"],
                source=given.source if given else "",
            )

    def to_env(self) -> dict[str, str]:
        """The variables that make a child process read this very block; defaults are left out."""
        return {
            self.variable(each.name): _format(getattr(self, each.name))
            for each in fields(self)
            if getattr(self, each.name) != each.default
        }


def without_password(text: str) -> str:
    """The text with the passwords inside addresses masked."""
    return _PASSWORD.sub(rf"\g<1>{MASK}@", text)


def _parse(variable: str, given: Given, hint: Any, *, secret: bool) -> Any:
    # Nothing but a path begins so, and a secret may.
    text = given.text if secret else at_home(variable, given.text)
    if isinstance(hint, types.UnionType):
        hint = next(each for each in typing.get_args(hint) if each is not type(None))
    try:
        if hint is bool:
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.lower()]
        if typing.get_origin(hint) is tuple:
            return tuple(each.strip() for each in text.split(",") if each.strip())
        value = hint(text)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError
        return value
    except (KeyError, ValueError):
        kind = {bool: "switch (1 or 0)", int: "whole number", float: "number"}.get(hint, str(hint))
        raise WrongSetting(f"{variable}={text!r}{_where(given)} is no {kind}") from None


def _where(given: Given) -> str:
    return "" if given.source == ENVIRONMENT else f" in {given.source}"


def _format(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value)


def blocks() -> list[type[Block]]:
    """Every block of settings that the installed rooms declare."""
    return [each.load() for each in entry_points(group="headrace.settings")]


def given_here() -> Sources:
    """What is given to this process.

    Raises:
        WrongSetting: the file that is named cannot be read.
    """
    return Sources(os.environ)


def unknown(environ: Mapping[str, str] | None = None) -> list[str]:
    """What is given under our prefix, or in our file, and no block knows; each with a word on it."""
    sources = Sources(os.environ if environ is None else environ)
    return sources.unknown({block.variable(each.name) for block in blocks() for each in fields(block)})


def refuse_unknown(environ: Mapping[str, str] | None = None) -> None:
    """Refuse what is given under our prefix, or in our file, and no block knows.

    Raises:
        WrongSetting: names them.
    """
    if wrong := unknown(environ):
        raise WrongSetting("; ".join(wrong))


def child_environment(*blocks_: Block, **extra: str) -> dict[str, str]:
    """The environment of a child process: ours, overlaid with these blocks of settings."""
    ours = {**{k: v for block in blocks_ for k, v in block.to_env().items()}, **extra}
    # What we say outright must not stand beside a file that said it to us.
    theirs = {k: v for k, v in os.environ.items() if not (k.startswith(PREFIX) and k.removesuffix(IN_A_FILE) in ours)}
    return {**theirs, **ours}


def masked(block: Block) -> dict[str, str]:
    """The block's settings by variable, secrets masked."""
    return {each.name: each.shown for each in block.shown()}


def colours() -> bool | None:
    """Whether colours are unwanted (NO_COLOR) or wanted anywhere (FORCE_COLOR); None: on a terminal only."""
    if os.environ.get("NO_COLOR"):
        return False
    return True if os.environ.get("FORCE_COLOR") else None
