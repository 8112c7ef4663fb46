"""The embedded parts of one stack: what is to be run for each of them."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from infra.local.clickhouse.embedded import EmbeddedClickHouse
from infra.local.disk.jars import Report
from infra.local.kafka.embedded import EmbeddedKafka
from infra.local.processes.errands import headrace
from infra.local.processes.ports import is_healthy
from infra.local.processes.process import Command
from infra.local.redis import EmbeddedRedis
from infra.local.tgi.model import model_file
from infra.settings import LocalSettings

# A socket's path may have 103 bytes on macOS, 107 on Linux; 29 are for what the model server makes in the folder.
_LONGEST_BYTES: Final = 74

READ_THE_LOG: Final = "read the log named above, mend the cause and start again"


@dataclass(frozen=True)
class EmbeddedParts:
    """Kafka, Redis, ClickHouse and the model server in the folder of one stack, at its ports."""

    local: LocalSettings
    ports: Mapping[str, int]

    @property
    def kafka(self) -> EmbeddedKafka:
        """The broker."""
        return EmbeddedKafka(self.local.dir / "kafka", self.ports["kafka"], self.ports["kafka_controller"], self.local)

    def command(self, name: str, log: Path, environment: Mapping[str, str], report: Report) -> Command:
        """What to run for that part, after all that it needs is there.

        Raises:
            CannotStart: something of it cannot be had or made.
        """
        folder = self.local.dir / name
        match name:
            case "kafka":
                return replace(self.kafka.prepare(report), log=log)
            case "redis":
                redis = EmbeddedRedis(folder, self.ports[name], self.local.redis_max_bytes)
                return replace(redis.prepare(), log=log)
            case "clickhouse":
                return replace(EmbeddedClickHouse(folder, self.ports[name]).prepare(), log=log)
            case _:
                return self._tgi(log, environment, report)

    def _tgi(self, log: Path, environment: Mapping[str, str], report: Report) -> Command:
        found = model_file(self.local, partial(report, "downloading the model"))
        port = self.ports["tgi"]
        name = ("--model-id", found.stem) if self.local.model else ()
        return Command(
            name="tgi",
            argv=headrace("tgi", "--embeddings", "--port", str(port), "--model-file", str(found.absolute()), *name),
            log=log,
            environment={**environment, **_beside(self.local.dir / "tgi")},
            ports=(port,),
            ready=partial(is_healthy, port),
            advice=f"{READ_THE_LOG}, or set HEADRACE_TGI__URL to a server of yours",
        )


def _beside(folder: Path) -> dict[str, str]:
    """Lets the model server's private socket lie beside the other data, empty of what a killed one left there.

    Where that path is too long for a socket, it lies in the machine's own folder for what is temporary.
    """
    folder = folder.absolute()
    shutil.rmtree(folder, ignore_errors=True)
    if len(os.fsencode(folder)) > _LONGEST_BYTES:
        return {}
    folder.mkdir(parents=True)
    return {"TMPDIR": str(folder)}
