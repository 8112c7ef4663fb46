"""What the README says is there: the paths it links, the tests it names, the make targets and the commands."""

import re
from importlib.metadata import entry_points, version
from pathlib import Path

from gateway import settings as gateway
from gateway.client.commands.submit import submit
from producers.state.retention import IDEMPOTENCY_MS
from stream_workers import settings as stream_workers

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
LINK = re.compile(r"\]\(([^)]+)\)")
TEST_NAME = re.compile(r"`(test_\w+)`")


def test_every_link_of_the_readme_and_the_docs_leads_somewhere() -> None:
    dead = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
        for link in re.findall(r"]\((?!https?:|#)([^)#]+)", page.read_text())
        if not (page.parent / link).exists()
    ]

    assert dead == []


def test_every_module_that_a_document_names_is_there() -> None:
    # Decisions are of their day.
    pages = (ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "how-to").glob("*.md"))
    rooms = "producers|gateway|stream_workers|analytics|infra|tests|benchmarks|examples"
    gone = [
        f"{page.relative_to(ROOT)}: {path}"
        for page in pages
        for path in re.findall(rf"`((?:{rooms})/[\w./-]+\.(?:py|lua|sql))\b", page.read_text())
        if "NNNN" not in path and not (ROOT / path).exists()
    ]

    assert gone == []


def test_no_heading_stands_twice_in_a_page() -> None:
    """Whoever merges two versions of a page badly leaves a part of it twice."""
    twice = []
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
        headings = re.findall(r"^#+ .+$", text, re.MULTILINE)
        twice += [f"{page.relative_to(ROOT)}: {each}" for each in sorted(set(headings)) if headings.count(each) > 1]

    assert twice == []


def test_every_promise_names_a_test_that_proves_it() -> None:
    rows = re.findall(r"^\| (.+) \| (.+) \|$", README.split("## What it promises")[1].split("\n## ")[0], re.MULTILINE)

    assert len(rows) > 10
    assert [promise for promise, proof in rows[1:] if not proves(proof)] == []


def test_every_step_of_a_jobs_life_names_a_test_that_kills_the_process_there() -> None:
    table = (ROOT / "docs" / "architecture.md").read_text().partition("| killed there by |\n")[2].partition("\n\n")[0]
    cells = [row.split(" | ")[-1].removesuffix(" |") for row in table.splitlines()[1:]]
    killed = {
        room: {step for cell in cells if f"/{room}/" in cell for step in re.findall(r"`(\w+)`[^[]*: \[", cell)}
        for room in ("gateway", "worker")
    }
    there = names_of_tests(ROOT / "tests")

    assert len(cells) > 10
    assert [each for each in cells if not all(map(is_a_test, LINK.findall(each))) or not LINK.search(each)] == []
    assert [name for cell in cells for name in TEST_NAME.findall(cell) if name not in there] == []
    assert killed == {"gateway": set(gateway.DEATHS), "worker": set(stream_workers.DEATHS)}


def is_a_test(link: str) -> bool:
    return bool(names_of_tests(ROOT / "docs" / link))


def proves(cell: str) -> bool:
    """Whether it links nothing but tests, by their own paths, and each test that it names is in one of those."""
    links = re.findall(r"\[([^\]]+)]\(([^)]+)\)", cell)
    tests = [names_of_tests(ROOT / path) for label, path in links if path == f"tests/{label}"]
    return (
        bool(tests) and len(tests) == len(links) and all(tests) and set(TEST_NAME.findall(cell)) <= set().union(*tests)
    )


def names_of_tests(path: Path) -> set[str]:
    """The names of the tests in a file, or in all files of a folder."""
    files = path.rglob("test_*.py") if path.is_dir() else [path] if path.is_file() else []
    return {
        name for each in files for name in re.findall(r"^(?:async )?def (test_\w+)", each.read_text(), re.MULTILINE)
    }


def test_every_command_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = {each.name for each in entry_points(group="headrace.commands")}

    assert set(re.findall(r"\bmake ([a-z-]+)", README)) <= targets
    assert set(re.findall(r"headrace ([a-z]+)", re.sub(r"\S*/headrace/?\b", " headrace", README))) <= commands


def test_the_changelog_begins_with_this_version_or_with_what_is_unreleased_since() -> None:
    told = re.findall(r"^## \[?([^\s\]]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    released = [each for each in told if each != "Unreleased"]

    assert told[0] in ("Unreleased", version("headrace"))
    assert released[:1] in ([], [version("headrace")])


def test_every_test_that_the_docs_name_is_there() -> None:
    missing = []
    for page in (ROOT / "docs" / "operations.md", ROOT / "docs" / "security.md"):
        folder = Path("tests")
        for name in re.findall(r"`((?:tests/)?[\w/]*test_\w+\.py)`", page.read_text()):
            path = Path(name) if name.startswith("tests/") else folder / name
            folder = path.parent
            missing += [] if (ROOT / path).exists() else [f"{page.name}: {path}"]

    assert missing == []


def test_how_long_an_idempotency_key_is_known_is_said_alike_everywhere() -> None:
    hours = IDEMPOTENCY_MS // 3_600_000

    assert f"It holds for {hours} hours" in (ROOT / "docs" / "client.md").read_text()
    assert f"After {hours - 1} hours it is sent no more" in (ROOT / "docs" / "chat.md").read_text()
    assert f"no job twice within {hours} hours" in (submit.help or "")
