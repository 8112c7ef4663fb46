"""What every module of the house keeps to."""

import ast
import re
from pathlib import Path

import pytest

from infra import errors
from infra.errors import HeadraceError
from infra.telemetry.metrics import Entry, Metrics
from tests.support.house import ROOMS, ROOT, first_line, modules, name_of, tracked

# Raised to leave a loop, and caught by whoever runs it: no fault of anybody.
SIGNALS = {"infra/local/commands/up.py:Interrupted", "analytics/ingest/ingesting.py:Stopped"}
MAY_SERVE_HTTP = (
    "gateway/",
    "analytics/reports/",
    "infra/listening.py",
    "infra/local/",
    "infra/telemetry/",
)
# Put together, lest this very file name such a path.
OF_A_MACHINE = re.compile("|".join(rf"(?<![\w.])/{folder}/" for folder in ("work", "root", "home")))
# They put the gateway together, and start and stop it; all others say what they need.
MAY_TAKE_THE_APP = ("gateway/app.py", "gateway/process.py", "gateway/serving.py")
TOP = {"producers", "stream_workers", "gateway", "analytics", "infra", "tests", "docs", "benchmarks", "examples"}


def test_every_module_begins_with_a_sentence() -> None:
    silent = [name_of(path) for path in modules() if not first_line(path).endswith((".", ":"))]

    assert silent == []


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "common", "helpers", "helper", "misc"}

    assert [name_of(path) for path in tracked("*.py") if path.stem in drawers] == []


def test_no_file_names_a_path_of_a_machine() -> None:
    guilty = []
    for path in tracked("*"):
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        guilty += [f"{name_of(path)}: {found[0]}" for found in [OF_A_MACHINE.search(text)] if found]

    assert guilty == []


def test_no_handler_takes_anything_from_what_surrounds_it() -> None:
    guilty = [
        name_of(path)
        for path in modules()
        if not name_of(path).startswith(("gateway/middlewares/", "gateway/app.py"))
        and "from gateway.middlewares" in path.read_text()
    ]

    assert guilty == []


def test_only_who_serves_http_imports_the_web_server() -> None:
    guilty = [
        name_of(path)
        for path in modules()
        if not name_of(path).startswith(MAY_SERVE_HTTP)
        and re.search(
            r"^\s*(from aiohttp import .*\bweb\b|import aiohttp\.web|from aiohttp\.web)", path.read_text(), re.M
        )
    ]

    assert guilty == []


def test_nobody_takes_the_app_for_a_hub() -> None:
    guilty = [
        f"{name_of(path)}:{node.name}"
        for path in modules("gateway")
        if name_of(path) not in MAY_TAKE_THE_APP
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if any(each.annotation and "web.Application" in ast.unparse(each.annotation) for each in node.args.args)
    ]

    assert guilty == []


def test_every_metric_of_the_catalogue_is_used() -> None:
    names = {attribute for attribute, each in vars(Metrics).items() if isinstance(each, Entry)}
    elsewhere = "".join(path.read_text() for path in modules() if path.name != "metrics.py")

    assert names
    assert {name for name in names if not re.search(rf"(metrics|METRICS\]?|_metrics)\.{name}\b", elsewhere)} == set()


def test_no_metric_is_made_outside_the_catalogue() -> None:
    makers = re.compile(r"from prometheus_client import .*\b(Counter|Gauge|Histogram|Summary)\b")
    guilty = [name_of(path) for path in modules() if makers.search(path.read_text())]

    assert [each for each in guilty if not each.startswith("infra/local/")] == ["infra/telemetry/metrics.py"]


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    drawn: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"(?P<branch>[│├└─ ]*)(?P<name>[A-Z]\w+)(?=$| )", line.removeprefix("The tree")):
            depth = len(found["branch"]) // 4
            above[depth:] = [found["name"]]
            drawn[found["name"]] = above[depth - 1] if depth else "Exception"

    declared = {
        each.__name__: each.__bases__[0].__name__
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, Exception)
    }
    assert drawn == declared


@pytest.mark.parametrize("room", ROOMS)
def test_every_error_hangs_on_the_tree(room: str) -> None:
    loose = {
        f"{name_of(path)}:{node.name}"
        for path in modules(room)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and any(getattr(base, "id", "") == "Exception" for base in node.bases)
    }

    assert loose - SIGNALS - {f"infra/errors.py:{HeadraceError.__name__}"} == set()


def test_every_error_says_what_it_means() -> None:
    for each in vars(errors).values():
        if isinstance(each, type) and issubclass(each, HeadraceError):
            assert (each.__doc__ or "").endswith(".")


@pytest.mark.parametrize("room", ROOMS)
def test_the_table_of_contents_of_a_folder_names_every_module(room: str) -> None:
    missing = {}
    for contents in (ROOT / room).rglob("__init__.py"):
        listed = set(re.findall(r"`(\w+)`", contents.read_text()))
        there = {path.stem for path in contents.parent.glob("*.py")} - {"__init__"}
        there |= {path.parent.name for path in contents.parent.glob("*/__init__.py")}
        missing[name_of(contents)] = there - listed

    assert {name: modules for name, modules in missing.items() if modules} == {}


def test_the_top_of_the_house_holds_its_rooms_and_nothing_else() -> None:
    folders = {name_of(path).partition("/")[0] for path in tracked("*") if "/" in name_of(path)}

    assert {each for each in folders if not each.startswith(".")} == TOP


def test_every_script_of_lua_and_sql_says_what_it_does() -> None:
    silent = [name_of(path) for path in tracked("*.lua", "*.sql") if not begins_with_a_comment(path)]

    assert silent == []


def begins_with_a_comment(path: Path) -> bool:
    return path.read_text().lstrip().startswith("--")
