"""Where Headrace runs, and the one sentence that is said elsewhere.

It is imported before anything else and must be read by Pythons that are far too old for the rest.
"""

from __future__ import annotations

import platform
import sys
from typing import NamedTuple

OLDEST = (3, 11)


class Machine(NamedTuple):
    """What matters of a machine: Python's version, `sys.platform`, the width of a pointer, the C library."""

    python: tuple[int, int]
    system: str
    bits: int
    libc: str

    @property
    def is_musl(self) -> bool:
        """Whether it is a Linux without glibc, as Alpine is."""
        return self.system == "linux" and self.libc != "glibc"


def this_machine() -> Machine:
    """The machine that we are on."""
    bits = 64 if sys.maxsize > 2**32 else 32
    return Machine((sys.version_info[0], sys.version_info[1]), sys.platform, bits, platform.libc_ver()[0])


def refusal(machine: Machine) -> str:
    """Why Headrace cannot run there and what to do, in a sentence; empty where it can."""
    if machine.system in ("win32", "cygwin"):
        return "Headrace runs on Linux and macOS; on Windows use it inside WSL 2 (https://aka.ms/wsl)."
    if machine.system not in ("linux", "darwin"):
        return f"Headrace runs on Linux and macOS, not on {machine.system}."
    if machine.python < OLDEST:
        wanted, found = (".".join(map(str, each)) for each in (OLDEST, machine.python))
        return f"Headrace needs Python {wanted} or newer; this is {found}."
    if machine.bits < 64:
        return f"Headrace needs a 64-bit Python; this one has {machine.bits} bits."
    return ""


def missing_package(command: str, package: str, machine: Machine) -> str:
    """Why a command cannot run that imports a package which is not there, and what to do, in a sentence."""
    if machine.is_musl:
        return (
            f"`headrace {command}` needs the package {package}, and packages of the embedded stack are not published "
            "for musl (Alpine): use a Linux with glibc (Debian, Ubuntu, Fedora), or run the services alone, with every "
            "part given by its address."
        )
    return (
        f"`headrace {command}` needs the package {package}, which is not installed: "
        "`pip install 'headrace[local]'` brings all that the embedded stack needs."
    )
