"""What tokens cost: a price for a million of a model's tokens in, and one for a million out. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TOKENS = 1_000_000


@dataclass(frozen=True)
class Price:
    """Of a million tokens in and a million out, in the currency of the settings."""

    prompt: float
    completion: float

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """What so many cost."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / TOKENS


def read(given: Sequence[str]) -> Mapping[str, Price]:
    """Prices by model, each given as `model=in/out`.

    Raises:
        ValueError: one is not.
    """
    return dict(_price(each) for each in given)


def _price(given: str) -> tuple[str, Price]:
    model, _, both = given.rpartition("=")
    prompt, _, completion = both.partition("/")
    try:
        price = Price(float(prompt), float(completion))
    except ValueError:
        raise ValueError(f"{given!r} is not model=in/out") from None
    if not model or any(not math.isfinite(each) or each < 0 for each in (price.prompt, price.completion)):
        raise ValueError(f"{given!r} is not model=in/out, with prices from 0 on")
    return model, price
