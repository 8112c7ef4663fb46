"""The deployment files, read."""

import copy
import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from infra.telemetry.metrics import Entry, catalogue
from tests.support.house import ROOT

DEPLOY = ROOT / "infra" / "deploy"
PROCESSES = ("gateway", "worker", "fanout", "deliver", "retrain", "ingest", "reports")
METRICS_PORT = 9464

_VARIABLE = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}")
_METRIC = re.compile(r"\b((?:headrace|process)_\w+|up)\b(?:\{([^}]*)\})?")
_OF_HISTOGRAMS = re.compile(r"_(bucket|sum|count)$")
_OF_SCRAPES = {"process", "instance", "job", "le"}


def loaded(name: str) -> Any:
    """A YAML file, its merges done and its variables at their defaults."""
    return copy.deepcopy(_read(name))


@cache
def _read(name: str) -> Any:
    return _filled(yaml.safe_load((DEPLOY / name).read_text()))


def _filled(value: Any) -> Any:
    match value:
        case dict():
            return {key: _filled(each) for key, each in value.items()}
        case list():
            return [_filled(each) for each in value]
        case str():
            return _VARIABLE.sub(lambda found: found[2] or "", value)
        case _:
            return value


def services() -> dict[str, dict[str, Any]]:
    """Every service of the compose file."""
    found: dict[str, dict[str, Any]] = loaded("compose.yaml")["services"]
    return found


def of_ours() -> dict[str, dict[str, Any]]:
    """Those that run our image."""
    return {name: each for name, each in services().items() if each["image"].startswith("headrace:")}


def unknown_in(expression: str) -> list[str]:
    """Metrics, and labels of metrics, that a PromQL expression names and that nobody feeds."""
    known: dict[str, Entry[Any]] = {entry.shown_as: entry for entry in catalogue()}
    wrong = []
    for name, selectors in _METRIC.findall(expression):
        entry = known.get(name) or known.get(_OF_HISTOGRAMS.sub("", name))
        if name == "up" or name.startswith("process_resident") or name == "process":
            labels: tuple[str, ...] = ()
        elif entry is None:
            wrong.append(name)
            continue
        else:
            labels = entry.labels
        asked = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selectors)
        wrong += [f"{name}{{{label}}}" for label in asked if label not in {*labels, *_OF_SCRAPES}]
    return wrong


def copied(dockerfile: Path) -> list[str]:
    """What a Dockerfile copies out of the project."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", dockerfile.read_text(), re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]
