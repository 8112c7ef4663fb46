"""How a key and its tenant stand against their limits, as the scripts tell it. Pure."""

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from producers.events import Limits

Limit = Literal["requests", "tokens", "jobs", "queued", "day"]
WINDOW_MS = 60_000
_DAY_MS = 86_400_000
_KEYS_KNOWN = 4096


def day_ends_ms(at_ms: float) -> float:
    """When the day of UTC ends that a moment lies in: from then on its tokens are another day's."""
    return (at_ms // _DAY_MS + 1) * _DAY_MS


class Level(msgspec.Struct, frozen=True):
    """A bucket that holds a minute's quota and fills evenly: what is left, which may be less than nothing."""

    quota: int
    left: float

    @property
    def whole(self) -> int:
        """How many are left, for people."""
        return max(0, math.floor(self.left))

    @property
    def full_in_ms(self) -> float:
        """When it is full again."""
        return (self.quota - self.left) * WINDOW_MS / self.quota

    def has_in_ms(self, many: int) -> float:
        """When it holds so many."""
        return max(0.0, many - self.left) * WINDOW_MS / self.quota


class Standing(msgspec.Struct, frozen=True):
    """How one stands: what there is no limit for is None."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    jobs_in_flight: int | None = None
    queued_jobs: int | None = None
    tokens_per_day: int | None = None
    request_level: float | None = None
    token_level: float | None = None
    in_flight: int | None = None
    waiting: int | None = None
    spent: int | None = None

    @property
    def requests(self) -> Level | None:
        """Its requests of this minute."""
        return _level(self.requests_per_minute, self.request_level)

    @property
    def tokens(self) -> Level | None:
        """Its tokens of this minute."""
        return _level(self.tokens_per_minute, self.token_level)


_of_both = msgspec.msgpack.Decoder(tuple[Standing, Standing])


@dataclass(frozen=True)
class Stands:
    """How a key stands, and its tenant, all of whose keys count."""

    key: Standing
    tenant: Standing

    def __iter__(self) -> Iterator[Standing]:
        """Both."""
        return iter((self.key, self.tenant))


@functools.lru_cache(_KEYS_KNOWN)
def held(key_id: str, key: Limits, tenant: str, of_tenant: Limits) -> bytes:
    """Both with their limits, as the script wants them: what is not limited is left out."""
    named = ((key_id, key), (f"tenant/{tenant}", of_tenant))
    return msgspec.msgpack.encode([{"id": name} | _given(limits) for name, limits in named])


def told(packed: bytes) -> Stands:
    """What the script said of both."""
    return Stands(*_of_both.decode(packed))


def counted(limits: Sequence[Limits], packed: bytes) -> Stands:
    """How the two stand of whose requests one was counted."""
    levels = iter(msgspec.msgpack.decode(packed, type=list[float]))
    stands = (
        Standing() if each is None else Standing(requests_per_minute=each, request_level=next(levels))
        for each in (limit.requests_per_minute for limit in limits)
    )
    return Stands(*stands)


def _given(limits: Limits) -> dict[str, int]:
    return {name: number for name, number in msgspec.structs.asdict(limits).items() if number is not None}


def _level(quota: int | None, left: float | None) -> Level | None:
    return None if quota is None or left is None else Level(quota, left)
