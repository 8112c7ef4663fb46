"""Become another program that dies with its parent: `python leash.py PARENT_PID PROGRAM ARGUMENT…`.

It is run as a bare script, before the program proper, because nothing may run between fork and exec in a process that
has threads. On Linux the kernel keeps the promise (PR_SET_PDEATHSIG outlives exec); elsewhere a small watcher process
waits on a kernel queue for the end of either side.
"""

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent, then become the program."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        _ask_the_kernel()
    else:
        _leave_a_watcher(parent)
    # The parent may have died before we were tied to it.
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
    try:
        os.execvp(program[0], program)  # noqa: S606 - no shell is the point
    except OSError as error:
        sys.exit(f"cannot run {program[0]}: {error.strerror}")


def _ask_the_kernel() -> None:
    import ctypes  # noqa: PLC0415 - not needed elsewhere, and this script runs before every child

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _leave_a_watcher(parent: int) -> None:
    program = os.getpid()
    if os.fork():
        os.wait()
        return
    # Forked twice, so that the program has no child it does not know of.
    if os.fork():
        os._exit(0)
    os.setsid()
    _watch(parent, program)
    os._exit(0)


def _watch(parent: int, program: int) -> None:
    import select  # noqa: PLC0415

    queue = select.kqueue()  # type: ignore[attr-defined,unused-ignore]
    for pid in (parent, program):
        queue.control(
            [select.kevent(pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD, select.KQ_NOTE_EXIT)],  # type: ignore[attr-defined,unused-ignore]
            0,
        )
    ended = queue.control(None, 1)[0].ident
    if ended == parent:
        os.kill(program, signal.SIGKILL)


if __name__ == "__main__":
    main()
