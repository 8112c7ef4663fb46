"""How many prompts a model server is given at a time: found by asking for more until it has enough. Pure.

Additive increase, multiplicative decrease, as TCP finds its share of a line (RFC 5681): every full window of answers
makes it one larger, a refusal (429) or a slow first token makes it smaller. Times are seconds of any steady clock.
"""

from dataclasses import dataclass

DECREASE = 0.9
PAUSE_S = 2.0
"""After a cut it does not grow for so long: what was cut away must first be felt."""
SLOW_TIMES = 3.0
SLOW_MORE_S = 0.5
"""A first token is slow that takes so many times the quickest one of prompts of its length, and so much more."""
SLOW_PART = 1 / 8
"""What slowness alone leaves a server of what it says it takes: it may have other reasons than us."""
EPOCH_S = 300.0
"""The quickest one is that of this long at least, of twice as long at most: a server may become slower for good."""


@dataclass
class _Quickest:
    """Of prompts of one length."""

    since_s: float
    now: float
    before: float

    @property
    def seconds(self) -> float:
        return min(self.now, self.before)


class Window:
    """The window of one server, which takes `most` at a time as it says itself; it begins with that."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = float(most)
        self._cut_s = -PAUSE_S
        self._quickest: dict[int, _Quickest] = {}

    @property
    def size(self) -> int:
        """How many prompts it is given at a time, one at least."""
        return int(self._size)

    def limit(self, most: int) -> None:
        """It takes no more than so many, as it says; who was at the limit before is at the new one."""
        if most != self._most:
            self._size = float(most) if self._size >= self._most else min(self._size, most)
            self._most = most

    def answered(self, *, was_full: bool, now_s: float) -> None:
        """One prompt was answered; a window that is not used up says nothing of whether it is too small."""
        if was_full and now_s >= self._cut_s + PAUSE_S:
            self._size = min(self._most, self._size + 1 / self._size)

    def refused(self, others: int, now_s: float) -> None:
        """One prompt was refused (429) beside so many others; the last refusal of a burst tells how many are taken."""
        self._cut_to(max(1.0, others, DECREASE * min(self._size, others + 1)), now_s)

    def first_token(self, prompt_tokens: int, took_s: float, now_s: float) -> None:
        """An answer began so long after its prompt was sent; one that was sent before the last cut says nothing new."""
        quickest = self._of_length(prompt_tokens, took_s, now_s)
        is_slow = took_s > SLOW_TIMES * quickest + SLOW_MORE_S
        if is_slow and now_s - took_s >= self._cut_s:
            self._cut_to(max(1.0, SLOW_PART * self._most, DECREASE * self._size), now_s)

    def _cut_to(self, size: float, now_s: float) -> None:
        self._cut_s = now_s
        self._size = min(self._size, size)

    def _of_length(self, prompt_tokens: int, took_s: float, now_s: float) -> float:
        length = prompt_tokens.bit_length()
        found = self._quickest.get(length)
        if found is None or now_s - found.since_s >= 2 * EPOCH_S:
            found = self._quickest[length] = _Quickest(now_s, took_s, took_s)
        elif now_s - found.since_s >= EPOCH_S:
            found = self._quickest[length] = _Quickest(now_s, took_s, found.now)
        found.now = min(found.now, took_s)
        return found.seconds
