"""The generated part of docs/tgi.md: how many recordings each server answers alike, and which not."""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from tests.contracts.tgi.exchanges import GROUPS, recorded, scenarios
from tests.contracts.tgi.replay import Finding

PAGE = Path(__file__).parents[3] / "docs" / "tgi.md"
ENGINES = ("timed", "embedded")
BEGIN, END = "<!-- the replay says: -->", "<!-- that was the replay -->"


def rendered(findings: Iterable[Finding]) -> str:
    """The tables of requests by route and of scenarios by theme, then what was not alike or not sent."""
    known = sorted(findings, key=lambda each: (each.route, each.name))
    singles = [each for each in known if each.route.startswith("/")]
    staged = [each for each in known if not each.route.startswith("/")]
    return "\n\n".join((_table("single requests to", singles), _table("scenarios of", staged), _exceptions(known)))


def told() -> str:
    """What the page says now."""
    return PAGE.read_text().partition(BEGIN)[2].partition(END)[0].strip()


def write(text: str) -> None:
    """Write the page's part anew."""
    head, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}")


def percent_alike(findings: Iterable[Finding]) -> float:
    """Of all, those not sent included."""
    known = list(findings)
    return 100 * sum(each.alike for each in known) / len(known)


def _table(title: str, findings: list[Finding]) -> str:
    rows = [f"| {title} | recorded | timed | embedded |", "|---|---|---|---|"]
    for route, group in groupby(findings, key=lambda each: each.route):
        rows.append(_row(f"`{route}`" if route.startswith("/") else route, list(group)))
    return "\n".join([*rows, _row("**all**", findings)])


def _row(name: str, findings: list[Finding]) -> str:
    by_engine = [[each for each in findings if each.engine == engine] for engine in ENGINES]
    cells = [f"{sum(each.alike for each in found)} ({percent_alike(found):.0f} %)" for found in by_engine]
    return f"| {name} | {len(by_engine[0])} | {' | '.join(cells)} |"


def _exceptions(findings: list[Finding]) -> str:
    reasons: dict[tuple[str, str], list[str]] = {}
    for each in findings:
        if not each.alike:
            reasons.setdefault((each.engine, each.skipped or "unlike"), []).append(f"`{each.name}`")
    lines = [f"- {engine}, {why}: {', '.join(names)}." for (engine, why), names in sorted(reasons.items())]
    return "Not alike, or not sent because:\n\n" + "\n".join(lines)


def recorded_names() -> list[str]:
    """Every recording, as its finding is called."""
    singles = [f"{group}-{each.name}" for group in GROUPS for each in recorded(group)]
    return singles + [each.name for each in scenarios()]
