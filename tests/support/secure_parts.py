"""Parts behind TLS and passwords: a broker with a listener for that beside its plain one, and a front for others."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

from infra import kafka
from infra.local.kafka.embedded import EmbeddedKafka
from infra.local.processes.ports import free_ports
from infra.local.processes.process import Command
from infra.settings import KafkaSettings, LocalSettings
from tests.support.certificates import Authority
from tests.support.stack import RunningKafka, a_prefix

USER, PASSWORD = "headrace", "a pass,word = of ours"

_LISTENER = """
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL
listeners={plain},CONTROLLER://127.0.0.1:{controller},SECURE://127.0.0.1:{port}
advertised.listeners={plain},SECURE://127.0.0.1:{port}
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location={store}
listener.name.secure.sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN
listener.name.secure.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
user_{user}="{password}";
"""


@dataclass
class SecureKafka(RunningKafka):
    """A broker that also listens for clients with TLS and a user."""

    port: int = 0
    ca_file: Path = Path()

    def secured(self, mechanism: str) -> KafkaSettings:
        """Settings for clients of that listener."""
        return KafkaSettings(
            bootstrap_servers=f"127.0.0.1:{self.port}",
            topic_prefix=a_prefix(),
            security_protocol="SASL_SSL",
            sasl_mechanism=mechanism,
            sasl_username=USER,
            sasl_password=PASSWORD,
            ca_file=str(self.ca_file),
        )

    def add_user(self) -> None:
        """Let the user in by SCRAM, as an administrator does it."""
        with closing(kafka.admin(self.settings(""))) as admin:
            admin.alter_user_scram_credentials(
                [UserScramCredentialUpsertion(USER, ScramMechanism.SCRAM_SHA_512, PASSWORD)]
            )


def a_secure_kafka(folder: Path, authority: Authority) -> SecureKafka:
    """A broker that is not started yet."""
    plain, controller, secure = free_ports(3)
    embedded = EmbeddedKafka(folder / "kafka", plain, controller, LocalSettings())
    pair = authority.pair(name="broker")
    store = folder / "broker-store.pem"
    store.write_bytes(pair.key.read_bytes() + pair.certificate.read_bytes())

    def prepare() -> Command:
        command = embedded.prepare()
        with (embedded.folder / "server.properties").open("a") as properties:
            properties.write(
                _LISTENER.format(
                    plain=f"PLAINTEXT://{embedded.address}",
                    controller=controller,
                    port=secure,
                    store=store,
                    user=USER,
                    password=PASSWORD,
                )
            )
        return command

    return SecureKafka(prepare=prepare, bootstrap_servers=embedded.address, port=secure, ca_file=authority.ca_file)


@asynccontextmanager
async def a_tls_front(context: ssl.SSLContext, port: int) -> AsyncIterator[int]:
    """A port that speaks TLS and passes all of it on to another on this machine, and back."""
    pipes: set[asyncio.Task[None]] = set()

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(65_536):
                writer.write(piece)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", port)
        pipes.update((asyncio.create_task(pipe(reader, there[1])), asyncio.create_task(pipe(there[0], writer))))

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for each in pipes:
            each.cancel()
        await asyncio.gather(*pipes, return_exceptions=True)
