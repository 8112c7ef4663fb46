"""The table of docs/clickhouse.md names a test for each of its lines."""

import re

from tests.support.house import ROOT

TESTS = ROOT / "tests" / "contracts" / "clickhouse"


def lines_of_the_table() -> list[str]:
    page = (ROOT / "docs" / "clickhouse.md").read_text()
    return [line for line in page.splitlines() if line.startswith("| ")][1:]


def test_every_line_names_a_test_that_exists() -> None:
    for line in lines_of_the_table():
        found = re.search(r"`(test_\w+\.py)::(test_\w+)` \|$", line)
        assert found, line
        assert f"def {found[2]}(" in (TESTS / found[1]).read_text(), line


def test_every_file_of_the_contract_but_that_of_the_process_is_in_the_table() -> None:
    files = {each.name for each in TESTS.glob("test_*.py")} - {"test_durability.py"}

    assert files == set(re.findall(r"`(test_\w+\.py)::", "\n".join(lines_of_the_table())))
