"""Where a setting is given: in the environment, or else in the TOML file that HEADRACE_CONFIG names.

In both, a name with `_FILE` after it means what stands in that file, which is how Docker and Kubernetes hand secrets
over. Nothing here reads the environment: it is handed in.
"""

import difflib
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.errors import WrongSetting

PREFIX: Final = "HEADRACE_"
CONFIG: Final = f"{PREFIX}CONFIG"
IN_A_FILE: Final = "_FILE"
ENVIRONMENT: Final = "the environment"
_LONGEST_BYTES: Final = 1024 * 1024


@dataclass(frozen=True)
class Given:
    """A setting's text, and where it was found: for people."""

    text: str
    source: str


@dataclass(frozen=True)
class _Layer:
    source: str
    texts: Mapping[str, str]

    def find(self, variable: str) -> Given | None:
        beside = f"{variable}{IN_A_FILE}"
        if variable in self.texts and beside in self.texts:
            raise WrongSetting(f"{variable} and {beside} are both given in {self.source}: which one is meant?")
        if variable in self.texts:
            return Given(self.texts[variable], self.source)
        if beside in self.texts and variable != CONFIG:
            return Given(_contents(beside, self.texts[beside]), self.texts[beside])
        return None


class Sources:
    """Everything that is given; what comes first in it counts.

    Raises:
        WrongSetting: the file that is named cannot be read, or is not of the form that settings take.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._layers = [_Layer(ENVIRONMENT, environ)]
        if path := at_home(CONFIG, environ.get(CONFIG, "")):
            self._layers.append(_Layer(path, dict(_flat(path))))

    def find(self, variable: str) -> Given | None:
        """What is given for a variable.

        Raises:
            WrongSetting: it is given twice in one place, or lies in a file that cannot be read.
        """
        return next((found for layer in self._layers if (found := layer.find(variable))), None)

    def unknown(self, known: Collection[str]) -> list[str]:
        """What bears our name and is no setting, each with a word on it."""
        return [
            f"{_written(layer, name)} is not a setting of Headrace{_nearest(layer, name, known)}; "
            "`headrace doctor --all` lists those there are"
            for layer in self._layers
            for name in layer.texts
            if name.startswith(PREFIX) and not _is_known(layer, name, known)
        ]


def at_home(variable: str, text: str) -> str:
    """The text, with a `~` at its beginning written out: no shell has done so where it stands in a file.

    Raises:
        WrongSetting: there is no such home.
    """
    try:
        return str(Path(text).expanduser()) if text.startswith("~") else text
    except RuntimeError:
        raise WrongSetting(
            f"{variable}={text!r}: nobody here knows which folder {Path(text).parts[0]} is; give the path in full"
        ) from None


def key_of(variable: str) -> str:
    """The same setting as the file has it: `kafka.bootstrap_servers`."""
    return variable.removeprefix(PREFIX).lower().replace("__", ".")


def _is_known(layer: _Layer, name: str, known: Collection[str]) -> bool:
    if name == CONFIG:
        return layer.source == ENVIRONMENT
    base = name.removesuffix(IN_A_FILE)
    return name in known or (base in known and base != CONFIG)


def _written(layer: _Layer, name: str) -> str:
    return name if layer.source == ENVIRONMENT else f"{layer.source}: {key_of(name)}"


def _nearest(layer: _Layer, name: str, known: Collection[str]) -> str:
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
    if not found:
        return ""
    return f" (did you mean {found[0] if layer.source == ENVIRONMENT else key_of(found[0])}?)"


def _contents(variable: str, path: str) -> str:
    try:
        with Path(at_home(variable, path)).open(encoding="utf-8") as file:
            # Whoever writes a secret with an editor or with echo leaves a newline behind it.
            return file.read(_LONGEST_BYTES).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongSetting(f"{variable}={path} cannot be read: {_why(error)}") from None


def _why(error: Exception) -> str:
    match error:
        case OSError():
            return error.strerror or type(error).__name__
        case UnicodeDecodeError():
            return "it is no text in UTF-8"
        case _:
            return f"it is no TOML: {error}"


def _flat(path: str) -> Iterator[tuple[str, str]]:
    import tomllib  # noqa: PLC0415 # only who has a file pays for it

    try:
        tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WrongSetting(f"{CONFIG}={path} cannot be read: {_why(error)}") from None
    for name, value in tables.items():
        if isinstance(value, dict):
            for key, inner in value.items():
                yield f"{PREFIX}{name.upper()}__{key.upper()}", _text(path, f"{name}.{key}", inner)
        else:
            yield f"{PREFIX}{name.upper()}", _text(path, name, value)


def _text(path: str, key: str, value: Any) -> str:
    """A value as the environment would hold it."""
    match value:
        case bool():
            return "1" if value else "0"
        case str() | int():
            return str(value)
        case float() if math.isfinite(value):
            return str(value)
        case list() if all(isinstance(each, str | int) and "," not in str(each) for each in value):
            return ",".join(_text(path, key, each) for each in value)
        case _:
            raise WrongSetting(f"{path}: {key} is no text, number, switch, or list of texts without commas")
