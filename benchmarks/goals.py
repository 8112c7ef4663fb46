"""The goals of the gateway, and whether what was found meets them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.frontier import Found

ACCEPT = "Headrace: accept"
HIT = "Headrace: cache hit"
CHAT, STREAMED = "Headrace: chat", "Headrace: streamed"
DIRECT, DIRECT_STREAMED = "direct", "direct: streamed"
BARE = "bare aiohttp: chat"
RIVAL, RIVAL_STREAMED = "LiteLLM: chat", "LiteLLM: streamed"


@dataclass(frozen=True)
class Goal:
    """A ratio that is to be at least, or at most, so large."""

    name: str
    sign: str
    aim: float
    found: float

    @property
    def is_met(self) -> bool:
        """Whether it is; what could not be measured is not."""
        return self.found >= self.aim if self.sign == "≥" else self.found <= self.aim


def goals(found: Mapping[str, Found]) -> list[Goal]:
    """Those of the four whose sides were measured; the first is told by the clock and by the processor."""
    reached: list[Goal] = []
    if RIVAL in found:
        rates = found[ACCEPT].fastest.loaded.rate, found[RIVAL].fastest.loaded.rate
        reached.append(Goal("calls accepted a second, to LiteLLM's chats a second", "≥", 20.0, ratio(*rates)))
        worth = found[ACCEPT].a_core_s_worth, found[RIVAL].a_core_s_worth
        reached.append(Goal("the same for a second of its own processor", "≥", 20.0, ratio(*worth)))
        added = [_p50_ms(found[each]) - _p50_ms(found[DIRECT]) for each in (CHAT, RIVAL)]
        reached.append(Goal("added p50 of a chat, to LiteLLM's", "≤", 0.5, ratio(*added)))
        first = [_first_ms(found[each]) - _first_ms(found[DIRECT_STREAMED]) for each in (STREAMED, RIVAL_STREAMED)]
        reached.append(Goal("added time to the first text, to LiteLLM's", "≤", 1 / 3, ratio(*first)))
    if BARE in found:
        reached.append(
            Goal("p50 of a cache hit, to the bare proxy's", "≤", 2.0, ratio(_p50_ms(found[HIT]), _p50_ms(found[BARE])))
        )
    return reached


def ratio(over: float, under: float) -> float:
    """One to the other; where there is no other, no number, which meets no goal."""
    return over / under if under > 0 else float("nan")


def _p50_ms(found: Found) -> float:
    return found.alone.loaded.whole_ms(0.5)


def _first_ms(found: Found) -> float:
    return found.alone.loaded.first_ms(0.5)
