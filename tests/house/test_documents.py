"""The README proves what it promises: every path it links exists, every make target and command it names is there."""

import re
from importlib.metadata import entry_points
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_every_link_of_the_readme_and_the_docs_leads_somewhere() -> None:
    dead = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
        for link in re.findall(r"]\((?!https?:|#)([^)#]+)", page.read_text())
        if not (page.parent / link).exists()
    ]

    assert dead == []


def test_every_promise_names_a_test_that_proves_it() -> None:
    rows = re.findall(r"^\| (.+) \| (.+) \|$", README.split("## What it promises")[1].split("\n## ")[0], re.MULTILINE)

    assert len(rows) > 10
    assert [promise for promise, proof in rows[1:] if "](tests/" not in proof and set(proof) != {"-"}] == []


def test_every_command_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = {each.name for each in entry_points(group="headrace.commands")}

    assert set(re.findall(r"\bmake ([a-z-]+)", README)) <= targets
    assert set(re.findall(r"headrace ([a-z]+)", re.sub(r"\S*/headrace/?\b", " headrace", README))) <= commands


def test_the_version_is_in_the_changelog_or_unreleased() -> None:
    assert "## Unreleased" in (ROOT / "CHANGELOG.md").read_text()
