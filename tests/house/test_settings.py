"""Every block of settings is listed, and every setting is explained and documented."""

import ast
import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from infra.errors import OurFault
from infra.settings import PREFIX, Block, Sources, blocks, refuse_unknown
from infra.settings.sources import at_home
from producers import docs
from tests.support.house import ROOT, modules, name_of, tracked

DOCS = ROOT / "docs"
PAGES = tracked("README.md", "docs/*.md", ":!docs/decisions")
# Compose reads these itself.
OF_COMPOSE = set(re.findall(rf"\$\{{({PREFIX}\w+)", (ROOT / "infra" / "deploy" / "compose.yaml").read_text()))


def blocks_declared() -> set[str]:
    """Names of the classes in the rooms that are blocks of settings; of one that another extends, the other is."""
    bases = {
        node.name: {getattr(base, "id", "") for base in node.bases}
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    }
    extended = set().union(*bases.values())
    return {name for name in bases if name not in extended and "Block" in _ancestors(name, bases)}


def _ancestors(name: str, bases: dict[str, set[str]]) -> set[str]:
    above = bases.get(name, set())
    return above.union(*(_ancestors(each, bases) for each in above if each != name))


def test_every_block_is_listed_in_setup_cfg() -> None:
    assert {each.__name__ for each in blocks()} == blocks_declared()


def test_no_two_blocks_share_a_name() -> None:
    names = [each.block for each in blocks()]

    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block.__name__)
def test_a_block_is_explained_and_its_defaults_are_no_contradiction(block: type[Block]) -> None:
    assert (block.__doc__ or "").strip().endswith(".")
    assert not (block.__doc__ or "").startswith(block.__name__ + "("), "dataclass made that docstring"
    block.from_env({}).check()
    for each in fields(block):
        assert len(each.metadata["meaning"]) > 8, f"{block.variable(each.name)} is not explained"


def test_a_setting_that_holds_a_secret_is_marked_as_one() -> None:
    for block in blocks():
        for each in block().shown():
            if each.name.endswith(("_KEY", "SECRET", "PASSWORD", "TOKEN")):
                assert each.secret, f"{each.name} would be shown"


def test_every_setting_is_documented() -> None:
    text = (DOCS / "settings.md").read_text()

    missing = [each.name for block in blocks() for each in block().shown() if f"`{each.name}`" not in text]
    assert missing == [], "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_setting_that_a_page_names_is_one(page: Path) -> None:
    known = {each.name for block in blocks() for each in block().shown()}
    known |= {f"{each}_FILE" for each in known} | OF_COMPOSE
    text = page.read_text()

    whole = set(re.findall(rf"{PREFIX}\w*[A-Z\d]\b", text)) - known
    begun = {each for each in re.findall(rf"{PREFIX}\w+__(?=…)", text) if not any(map(re.compile(each).match, known))}
    ended = {each for each in re.findall(r"…(__\w+)", text) if not any(name.endswith(each) for name in known)}
    assert whole | begun | ended == set()


def test_the_generated_parts_of_the_documents_are_as_the_code_says() -> None:
    assert docs.stale(DOCS, ROOT / docs.EXAMPLE) == [], "run `make docs`"


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block.__name__)
def test_the_example_file_changes_nothing_as_it_stands_nor_where_all_of_it_counts(
    block: type[Block], tmp_path: Path
) -> None:
    example, uncommented = (ROOT / docs.EXAMPLE).read_text(), tmp_path / "headrace.toml"
    uncommented.write_text(re.sub(r"^#(?=\w)", "", example, flags=re.MULTILINE))
    environ = {"HEADRACE_CONFIG": str(uncommented)}

    refuse_unknown(environ)
    given = {each.name for each in block.from_env(environ).shown(Sources(environ)) if each.source == str(uncommented)}

    assert not any(tomllib.loads(example).values())
    assert given == {each.name for each in block().shown()} - {"HEADRACE_CONFIG"}
    meant = {each.name: at_home(each.name, each.default_shown) for each in block().shown()} | environ
    assert {k: v for k, v in block.from_env(environ).to_env().items() if v != meant[k]} == {}


def test_a_stale_table_is_seen_and_written_anew(tmp_path: Path) -> None:
    for name in ("settings.md", "contracts.md", "metrics.md", "cli.md"):
        (tmp_path / name).write_text((DOCS / name).read_text())
    changed = tmp_path / "settings.md"
    changed.write_text(changed.read_text().replace(f"{PREFIX}LOG__LEVEL", f"{PREFIX}LOG__LOUDNESS"))

    assert docs.stale(tmp_path) == [changed]
    docs.write(tmp_path)
    assert docs.stale(tmp_path) == []


def test_a_document_without_its_markers_is_an_error() -> None:
    with pytest.raises(OurFault, match="the markers of settings are missing"):
        docs.replaced("# Settings\n", "settings", "table")
