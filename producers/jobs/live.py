"""What readers of a job's token stream see: numbered entries, kept in a Redis stream and announced on a channel."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from producers.events import AnswerCompleted, Terminal, TokenLogprob, ToolCall
from producers.state.scripts import Scripts, asked

Kind = Literal["token", "piece", "snapshot", "status", "done"]


class Piece(msgspec.Struct, frozen=True, omit_defaults=True):
    """More of one choice of an answer: text with the log-probabilities of its tokens, or the tools that are called."""

    text: str = ""
    choice: int = 0
    tool_calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether it is text of the first choice, and nothing else."""
        return not (self.choice or self.tool_calls or self.logprobs)


@dataclass(frozen=True)
class Entry:
    """One entry of a stream.

    `token` carries text of the first choice, `piece` a `Piece` in JSON that is more than that; `snapshot` all text of
    the first choice so far: whatever was told before of any choice is void. `status` is a JSON object of changed
    fields, `done` nothing, but as it is announced the ending's bytes, unless they are many.
    """

    seq: int
    kind: Kind
    value: str

    @property
    def piece(self) -> Piece | None:
        """What it adds to the answer; of a snapshot, what the answer begins anew with."""
        match self.kind:
            case "token" | "snapshot":
                return Piece(self.value)
            case "piece":
                return msgspec.json.decode(self.value, type=Piece)
            case _:
                return None


def told(pieces: Sequence[Piece], *, snapshot: bool = False) -> list[tuple[Kind, str]]:
    """Pieces as the kinds and values of entries; with `snapshot` they are all there is so far."""
    if snapshot and all(each.is_plain for each in pieces):
        return [("snapshot", text_in(pieces))]
    entries: list[tuple[Kind, str]] = [("snapshot", "")] if snapshot else []
    return entries + [
        ("token", each.text) if each.is_plain else ("piece", msgspec.json.encode(each).decode()) for each in pieces
    ]


def joined(pieces: Iterable[Piece]) -> list[Piece]:
    """The same in as few pieces as can say it: neighbours of one choice are one, unless they call tools."""
    runs: list[list[Piece]] = []
    for each in pieces:
        if runs and runs[-1][0].choice == each.choice and not (each.tool_calls or runs[-1][0].tool_calls):
            runs[-1].append(each)
        else:
            runs.append([each])
    return [run[0] if len(run) == 1 else _as_one(run) for run in runs]


def _as_one(run: list[Piece]) -> Piece:
    logprobs = tuple(one for each in run for one in each.logprobs)
    return Piece("".join(each.text for each in run), run[0].choice, logprobs=logprobs)


def pieces_of(ending: Terminal) -> list[Piece]:
    """What an ending holds of the answer, as the pieces that make it."""
    if not isinstance(ending, AnswerCompleted):
        return [Piece(ending.text)] if ending.text else []
    return [
        Piece(choice.text, number, choice.tool_calls, choice.logprobs)
        for number, choice in enumerate(ending.drawn)
        if choice.text or choice.tool_calls
    ]


def text_in(pieces: Iterable[Piece]) -> str:
    """The text of the first choice."""
    return "".join(each.text for each in pieces if each.choice == 0)


def channel(prefix: str, job_id: str) -> str:
    """The channel on which a job's entries are announced, each as `seq kind value`."""
    return f"{prefix}live:{job_id}"


def channel_of_end(prefix: str, job_id: str) -> str:
    """The channel on which of a job's entries only its `done` is announced."""
    return f"{prefix}ended:{job_id}"


def cancels_channel(prefix: str) -> str:
    """The channel on which ids of running jobs to be stopped are announced: a nudge, never the only word."""
    return f"{prefix}cancels"


def parse(announcement: bytes) -> Entry:
    """The entry that an announcement on a job's channel carries."""
    seq, kind, value = announcement.decode().split(" ", 2)
    return Entry(int(seq), kind, value)  # type: ignore[arg-type] # written by our own scripts only


async def entries_after(scripts: Scripts, job_id: str, seq: int = 0) -> list[Entry]:
    """The entries of a job's stream with greater numbers, in order.

    Raises:
        Unavailable: Redis does not answer.
    """
    found = await asked(scripts.redis.xrange(f"{scripts.prefix}tokens:{job_id}", min=f"({seq}-0", max="+"))
    return [Entry(int(key.split(b"-")[0]), each[b"k"].decode(), each[b"v"].decode()) for key, each in found]


def since_snapshot(entries: Sequence[Entry]) -> Sequence[Entry]:
    """What counts of these entries: those from the last snapshot on."""
    snapshots = [at for at, each in enumerate(entries) if each.kind == "snapshot"]
    return entries[snapshots[-1] :] if snapshots else entries


def pieces_in(entries: Sequence[Entry]) -> list[Piece]:
    """What these entries show, from the last snapshot on."""
    return [piece for each in since_snapshot(entries) if (piece := each.piece) is not None]


def text_of(entries: list[Entry]) -> str:
    """The text of the first choice that these entries show."""
    return text_in(pieces_in(entries))
