"""How the gateway's benchmark tells what it found: tables in Markdown, and all figures as JSON."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console

from benchmarks.frontier import Found, Turn, merged
from benchmarks.goals import goals

P99_MS = (10.0, 50.0, 100.0)
_HEADS = (
    *("way", "p50, 1 at a time", "added", "p99", "added", "first text p50", "added"),
    *(f"/s at p99 ≤ {each:g} ms" for each in P99_MS),
    *("most /s", "own core", "load's", "calls a CPU second", "refused", "held back by"),
)


def show(console: Console, found: Mapping[str, Found], promised: int, lost: int) -> None:
    """Print everything, ready to be pasted into a document."""
    direct = {stream: found[f"direct{': streamed' if stream else ''}"].alone.loaded for stream in (False, True)}
    rows = []
    for name, each in found.items():
        alone, beside = each.alone.loaded, direct["streamed" in name]
        rows.append([
            name,
            *_beside(alone.whole_ms(0.5), beside.whole_ms(0.5)),
            *_beside(alone.whole_ms(0.99), beside.whole_ms(0.99)),
            *(_beside(alone.first_ms(0.5), beside.first_ms(0.5)) if "streamed" in name else ("", "")),
            *(f"{each.frontier(bound):.0f}" for bound in P99_MS),
            *_busy(each.fastest),
            f"{each.a_core_s_worth:.0f}",
            str(each.refused),
            each.held_back_by,
        ])  # fmt: skip
    say(console, markdown(_HEADS, rows))
    aims = [
        [each.name, f"{each.sign} {each.aim:.2g}", f"{each.found:.2f}", "met" if each.is_met else "**missed**"]
        for each in goals(found)
    ]
    say(console, markdown(("goal", "aim", "found", ""), aims))
    say(console, f"Of {promised} jobs that were accepted, {lost} are not in the log.")


def figures(found: Mapping[str, Found], promised: int, lost: int) -> str:
    """The same as JSON."""
    ways = {name: {str(callers): _figures(merged(turns)) for callers, turns in each.turns.items()}
            for name, each in found.items()}  # fmt: skip
    aims = [
        {"goal": each.name, "sign": each.sign, "aim": each.aim, "found": each.found, "is_met": each.is_met}
        for each in goals(found)
    ]
    return json.dumps({"ways": ways, "goals": aims, "jobs_accepted": promised, "jobs_lost": lost}, indent=1)


def say(console: Console, text: str) -> None:
    """As it is: wide lines are not to be wrapped."""
    console.print(text + "\n", soft_wrap=True, markup=False, highlight=False)


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(each)} |" for each in lines)


def _beside(found_ms: float, direct_ms: float) -> tuple[str, str]:
    return f"{found_ms:.2f} ms", f"{found_ms - direct_ms:+.2f}"


def _busy(fastest: Turn) -> tuple[str, str, str]:
    shares = (fastest.share(fastest.own_s), fastest.share(fastest.load_s))
    return f"{fastest.loaded.rate:.0f}", *(f"{each:.0%}" for each in shares)  # type: ignore[return-value]


def _figures(turn: Turn) -> dict[str, Any]:
    loaded = turn.loaded
    told: dict[str, Any] = {
        "rate": loaded.rate, "p50_ms": loaded.whole_ms(0.5), "p99_ms": loaded.whole_ms(0.99),
        "calls": len(loaded.whole_s), "refused": loaded.refused, "seconds": loaded.seconds,
        "own_cpu_s": turn.own_s, "load_cpu_s": turn.load_s, "beside_cpu_s": turn.beside_s,
    }  # fmt: skip
    if loaded.first_s:
        told |= {"first_text_p50_ms": loaded.first_ms(0.5), "first_text_p99_ms": loaded.first_ms(0.99)}
    return told
