"""The plan of the whole stack: every part and service, after what it starts, and how it is told of the others."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from infra.local.disk.jars import Report
from infra.local.disk.room import refuse_full_disk
from infra.local.kafka.segments import Partition
from infra.local.processes.errands import headrace, run_once
from infra.local.processes.ports import LOOPBACK
from infra.local.processes.process import Command
from infra.local.settings import ReceiverSettings
from infra.local.stack.addresses import PORT_NAMES, Addresses
from infra.local.stack.checkout import Checkout, DevelopmentKey
from infra.local.stack.embedded import READ_THE_LOG, EmbeddedParts
from infra.local.stack.extra import refuse_missing
from infra.local.stack.log_room import LogRoom
from infra.local.stack.printed import NewKey, ReadPartition, read
from infra.local.stack.supervisor import Errand, Part
from infra.settings import CommonSettings, LocalSettings, child_environment, given_here

# The processes of the service, each after what it needs to be of use. (The key is made after the topics, and before the
# others contend for the processor.)
SERVICES: Final = (
    ("worker", ("key", "redis", "tgi")),
    ("fanout", ("key", "redis")),
    ("deliver", ("key", "redis")),
    ("retrain", ("key",)),
    ("ingest", ("key", "tables")),
    ("reports", ("tables",)),
    ("gateway", ("key", "redis")),
)
_GROUND_PARTS: Final = ("kafka", "redis", "clickhouse", "tgi")
# Who stops in which turn: first the door, then the services, then what they stand on.
_DOOR, _SERVICES, _GROUND = 0, 1, 2
# The gateway tells its metrics at its own door.
_METRICS_PORTS: Final = tuple(f"{name}_metrics" for name, _ in SERVICES if name != "gateway")

# Generous enough for load on one machine: the development key is no tenant to be held back.
_DEVELOPMENT_KEY: Final = (
    *("--tenant", "development", "--name", "headrace up"),
    *("--requests-per-minute", "1000000", "--jobs-in-flight", "100000"),
)


@dataclass
class Stack:
    """One stack on its way up: where everything is, and the plan to get there."""

    checkout: Checkout
    local: LocalSettings
    addresses: Addresses
    ports: Mapping[str, int]
    common: CommonSettings
    key: DevelopmentKey | None = None

    @classmethod
    def at(cls, checkout: Checkout, local: LocalSettings) -> "Stack":
        """The stack of this folder, as the environment asks for it.

        Raises:
            CannotStart: the disk is nearly full, or a part is to be embedded and its packages are not installed.
        """
        refuse_full_disk(local)
        ports = checkout.ports((*PORT_NAMES, *_METRICS_PORTS))
        common = CommonSettings.from_env()
        addresses = Addresses.choose(ports)
        refuse_missing(each for each in _GROUND_PARTS if each not in addresses.given)
        return cls(
            checkout=checkout,
            local=local,
            addresses=addresses,
            ports=ports,
            common=common if common.secret_key else CommonSettings(secret_key=checkout.secret_key()),
        )

    @property
    def gateway_url(self) -> str:
        """Where clients go."""
        return f"http://{LOOPBACK}:{self.ports['gateway']}"

    @property
    def receiver_url(self) -> str:
        """Where the webhooks of the development key may go."""
        return f"http://{LOOPBACK}:{self.ports['receiver']}/"

    @property
    def metrics(self) -> dict[str, str]:
        """By process, where Prometheus finds what it counts; /healthz and /readyz are beside it."""
        places = {"gateway": self.ports["gateway"]}
        places |= {each.removesuffix("_metrics"): self.ports[each] for each in _METRICS_PORTS}
        return {name: f"http://{LOOPBACK}:{port}/metrics" for name, port in places.items()}

    @property
    def log_room(self) -> LogRoom | None:
        """The room that the log takes, if the broker is ours."""
        if "kafka" in self.addresses.given:
            return None
        data = self._parts.kafka.data
        return LogRoom(self.addresses.kafka, data, self.local.kafka_max_bytes, self._read_by_all)

    @property
    def logs(self) -> list[Path]:
        """What the processes of this stack write to."""
        return [self._log(each.name) for each in self.plan() if isinstance(each, Part)]

    def plan(self) -> list[Part | Errand]:
        """Everything that is to be started."""
        return [
            *(self._ground(name) for name in _GROUND_PARTS),
            Errand("topics", partial(self._run, "topics", "topics", "create"), ("kafka",)),
            Errand("tables", partial(self._run, "tables", "migrate"), ("clickhouse",)),
            Errand("key", self._find_key, ("topics",)),
            Part("receiver", self._receiver, ("key",), _SERVICES),
            *(
                Part(name, partial(self._service, name), after, _DOOR if name == "gateway" else _SERVICES)
                for name, after in SERVICES
            ),
        ]

    def description(self, pids: Mapping[str, int]) -> dict[str, Any]:
        """What stack.json says."""
        assert self.key is not None  # noqa: S101 - described only once it is up
        return {
            "gateway_url": self.gateway_url,
            "api_key": self.key.api_key,
            "webhook_secret": self.key.webhook_secret,
            "receiver_url": self.receiver_url,
            "kafka": self.addresses.kafka.bootstrap_servers,
            "redis": self.addresses.redis.url,
            "clickhouse": self.addresses.clickhouse.url,
            "tgi": self.addresses.tgi.url,
            "embeddings": self._embeddings_url,
            "files": self._folder_of_files,
            "shared": self._shared(),
            "metrics": self.metrics,
            "supervisor": os.getpid(),
            "processes": dict(pids),
        }

    def environment(self, **extra: str) -> dict[str, str]:
        """The environment of every child of ours."""
        where = self.addresses
        return child_environment(
            where.kafka, where.redis, where.clickhouse, where.tgi, self.common, **(self._places() | extra)
        )

    def client_environment(self) -> dict[str, str]:
        """That of a child which asks our gateway, with our key."""
        assert self.key is not None  # noqa: S101 - it is up
        return self.environment(
            HEADRACE_CLIENT__URL=self.gateway_url,
            HEADRACE_CLIENT__API_KEY=self.key.api_key,
        )

    async def renew_key(self) -> None:
        """Make another development key: the log that knew the kept one is gone."""
        printed = await run_once(
            "key",
            headrace("keys", "create", "--json", *_DEVELOPMENT_KEY),
            # Nobody waits at a door here: a busy machine is no reason to fail.
            self.environment(HEADRACE_KAFKA__ACK_TIMEOUT_S=str(self.addresses.kafka.delivery_timeout_s)),
            advice="see that the broker takes records, then start again",
        )
        made = read("key", printed, NewKey)
        self.key = DevelopmentKey(made.api_key, made.webhook_secret)
        self.checkout.keep_development_key(self._identity(), self.key)

    def _places(self) -> dict[str, str]:
        # By name: the ground does not import the rooms. Each refuses a variable that it does not know, so none can rot.
        return {
            "HEADRACE_GATEWAY__HOST": LOOPBACK,
            "HEADRACE_GATEWAY__PORT": str(self.ports["gateway"]),
            "HEADRACE_REPORTS__PORT": str(self.ports["reports"]),
            # One address cannot be everybody's: each is given its own below.
            "HEADRACE_METRICS__ADDRESS": "",
            "HEADRACE_WEBHOOKS__PUBLIC_URL": self.gateway_url,
            # Whoever is restarted keeps its partitions at once, instead of after a session's timeout.
            "HEADRACE_VIEWS__INSTANCE": f"local-{self.ports['gateway']}",
            "HEADRACE_WORKER__NAME": f"local-{self.ports['gateway']}",
            **self._unless_given("HEADRACE_FILES__DIR", self._folder_of_files),
            **self._unless_given("HEADRACE_EMBEDDINGS__URL", self._embeddings_url),
            **self._shared(),
        }

    def _shared(self) -> dict[str, str]:
        """What gateways and workers beside ours are to have, too."""
        grammars = {"HEADRACE_GATEWAY__GRAMMARS": self._grammars} if self._grammars else {}
        return {
            "HEADRACE_GATEWAY__REPORTS_URL": f"http://{LOOPBACK}:{self.ports['reports']}",
            "HEADRACE_WEBHOOKS__TRUSTED": f"{LOOPBACK}:{self.ports['receiver']}",
            **grammars,
        }

    def _unless_given(self, variable: str, value: str) -> dict[str, str]:
        return {variable: value} if value and not given_here().find(variable) else {}

    @property
    def _folder_of_files(self) -> str:
        """That which is given, or one of ours; none where they lie in a bucket."""
        given = given_here()
        if folder := given.find("HEADRACE_FILES__DIR"):
            return str(Path(folder.text).absolute()) if folder.text else ""
        return "" if given.find("HEADRACE_FILES__BUCKET") else str((self.local.dir / "files").absolute())

    @property
    def _embeddings_url(self) -> str:
        """The embedded model server makes embeddings, too; beside a given one, only who is given makes them."""
        if given := given_here().find("HEADRACE_EMBEDDINGS__URL"):
            return given.text
        return "" if "tgi" in self.addresses.given else self.addresses.tgi.url

    @property
    def _grammars(self) -> str:
        """The embedded model server holds answers to schemas in its own way; of a given one we know what is given."""
        if given := given_here().find("HEADRACE_GATEWAY__GRAMMARS"):
            return given.text
        return "" if "tgi" in self.addresses.given else "llguidance"

    def _ground(self, name: str) -> Part | Errand:
        if name in self.addresses.given:
            return Errand(name, partial(self._check_given, name))
        return Part(name, partial(self._embedded, name), (), _GROUND)

    def _embedded(self, name: str, report: Report) -> Command:
        return self._parts.command(name, self._log(name), self.environment(), report)

    @property
    def _parts(self) -> EmbeddedParts:
        return EmbeddedParts(self.local, self.ports)

    async def _check_given(self, name: str) -> None:
        self.addresses.check_given(name)

    def _receiver(self, report: Report) -> Command:
        assert self.key is not None  # noqa: S101 - the plan has it after the key
        settings = ReceiverSettings(secret=self.key.webhook_secret)
        return self._command("receiver", "--port", str(self.ports["receiver"]), **settings.to_env())

    def _service(self, name: str, report: Report) -> Command:
        port = self.ports.get(f"{name}_metrics")
        return self._command(name, HEADRACE_METRICS__ADDRESS=f"{LOOPBACK}:{port}" if port else "")

    def _command(self, name: str, *options: str, **extra: str) -> Command:
        ready_file = (self.local.dir / "ready" / name).absolute()
        ready_file.parent.mkdir(parents=True, exist_ok=True)
        return Command(
            name=name,
            argv=headrace(name, *options),
            log=self._log(name),
            environment=self.environment(HEADRACE_SERVICE__READY_FILE=str(ready_file), **extra),
            ports=tuple(self.ports[each] for each in (name, f"{name}_metrics") if each in self.ports),
            ready_file=ready_file,
            ready=ready_file.exists,
            advice=READ_THE_LOG,
        )

    def _log(self, name: str) -> Path:
        return (self.local.dir / "logs" / f"{name}.log").absolute()

    async def _run(self, name: str, *words: str) -> None:
        await run_once(name, headrace(*words), self.environment(), advice="mend what it says and start again")

    async def _read_by_all(self) -> Mapping[Partition, int]:
        printed = await run_once(
            "disk", headrace("topics", "lag", "--json"), self.environment(), advice="free some room on the disk"
        )
        return {(each.topic, each.partition): each.read for each in read("disk", printed, list[ReadPartition])}

    async def _find_key(self) -> None:
        self.key = self.checkout.development_key(self._identity())
        if self.key is None:
            await self.renew_key()

    def _identity(self) -> str:
        """What a kept key belongs to: this log, and the secret under which its webhook secret is sealed there."""
        kafka = self.addresses.kafka
        log = kafka.bootstrap_servers if "kafka" in self.addresses.given else self._parts.kafka.cluster_id()
        return hashlib.sha256(f"{log} {kafka.topic_prefix} {self.common.secret_key}".encode()).hexdigest()
