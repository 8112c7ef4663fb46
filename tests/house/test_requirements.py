"""What we import and what setup.cfg asks for are the same packages; what only the embedded stack needs is an extra."""

import ast
import re
import sys
from configparser import ConfigParser
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gateway.pages import library
from infra.local.tgi.embedding import model as embeddings
from tests.support.house import ROOMS, ROOT, modules, name_of

# Run as programs of their own, or asked for the files they carry.
NOT_IMPORTED = {"pip", library.PACKAGE, embeddings.PACKAGE}


def declared() -> dict[str, bool]:
    """Every package that the wheel asks for, and whether only its extra `local` does."""
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    lists = {False: setup["options"]["install_requires"], True: setup["options.extras_require"]["local"]}
    return {
        canonicalize_name(Requirement(line).name): local
        for local, text in lists.items()
        for line in text.splitlines()
        if line
    }


def imported() -> dict[str, set[str]]:
    """Every package that a module of the rooms imports, late or early, and which modules do."""
    found: dict[str, set[str]] = {}
    owners, known = packages_distributions(), declared()
    for path in modules():
        for top in tops(path) - set(sys.stdlib_module_names) - set(ROOMS):
            names = [canonicalize_name(each) for each in owners.get(top, [top])]
            # Several may bring the same module, and ask for one another.
            name = next((each for each in names if each in known), names[0])
            found.setdefault(name, set()).add(name_of(path))
    return found


def tops(path: Path) -> set[str]:
    """The first word of every import."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_every_package_that_is_imported_is_asked_for() -> None:
    assert set(imported()) - set(declared()) == set()


def test_every_package_that_is_asked_for_is_imported() -> None:
    assert set(declared()) - set(imported()) == NOT_IMPORTED


def test_only_the_embedded_stack_imports_what_comes_with_it() -> None:
    extra = {name for name, local in declared().items() if local}
    guilty = {
        f"{module}: {name}"
        for name, where in imported().items()
        for module in where
        if name in extra and not re.match(r"infra/local/", module)
    }

    assert guilty == set()
