"""A process that holds a stack's folder, as `headrace up` does, and does nothing else."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HOLD = """
import signal, sys
from pathlib import Path
from infra import lock
signal.signal(signal.SIGTERM, {on_term})
with lock.held(Path(sys.argv[1])):
    print("held", flush=True)
    while True:
        signal.pause()
"""
_ENDS, _IS_DEAF = "lambda *_: sys.exit(0)", "lambda *_: None"


@contextmanager
def holding(lock: Path, *, deaf: bool = False) -> Iterator[subprocess.Popen[str]]:
    """Such a process; a deaf one goes on when it is told to end."""
    command = [sys.executable, "-c", _HOLD.format(on_term=_IS_DEAF if deaf else _ENDS), str(lock)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()
