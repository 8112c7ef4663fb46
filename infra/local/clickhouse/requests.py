"""What clients ask, at revision 54429."""

from dataclasses import dataclass, field

from infra.local.clickhouse.faults import NOT_IMPLEMENTED, TOO_LARGE, UNEXPECTED_PACKET_FROM_CLIENT, ProtocolFault
from infra.local.clickhouse.packets import REVISION
from infra.local.clickhouse.wire import Reader

_IMPORTANT = 1
_INITIAL_QUERY = 1
_MAX_SETTINGS = 1_000
_MAX_TABLES = 1_000
_MAX_QUERY_BYTES = 16 << 20


@dataclass(frozen=True)
class Hello:
    """How a client introduces itself."""

    client: str
    database: str
    user: str


@dataclass(frozen=True)
class Setting:
    """A setting of one query; one that is important must not be unknown."""

    value: str
    important: bool


@dataclass(frozen=True)
class Query:
    """A statement to run.

    `may_only_read`: it came under `readonly`. The engine is not told: it would keep its session so for ever.
    """

    query_id: str
    text: str
    compressed: bool
    settings: dict[str, Setting] = field(default_factory=dict)
    may_only_read: bool = False

    def is_on(self, setting: str) -> bool:
        """Whether the query switches that setting on."""
        return setting in self.settings and self.settings[setting].value.lower() in {"1", "true"}


def read_hello(reader: Reader) -> Hello:
    """Read what follows the packet's number.

    Raises:
        ProtocolFault: a client of a revision that the rest of the conversation is not written for.
    """
    client = reader.text()
    reader.varint()
    reader.varint()
    revision = reader.varint()
    hello = Hello(client=client, database=reader.text(), user=reader.text())
    reader.text()  # the password: the only user has none
    if revision < REVISION:
        raise ProtocolFault(NOT_IMPLEMENTED, f"a client of revision {revision}; {REVISION} or newer is needed")
    return hello


def read_query(reader: Reader) -> Query:
    """Read what follows the packet's number."""
    query_id = reader.text()
    _skip_client_info(reader)
    settings: dict[str, Setting] = {}
    while name := reader.text():
        flags = reader.varint()
        settings[name] = Setting(value=reader.text(_MAX_QUERY_BYTES), important=bool(flags & _IMPORTANT))
        if len(settings) > _MAX_SETTINGS:
            raise ProtocolFault(TOO_LARGE, f"more than {_MAX_SETTINGS} settings")
    reader.varint()
    compressed = bool(reader.varint())
    readonly = settings.pop("readonly", None)
    return Query(
        query_id,
        text=reader.text(_MAX_QUERY_BYTES),
        compressed=compressed,
        settings=settings,
        may_only_read=readonly is not None and readonly.value != "0",
    )


def _skip_client_info(reader: Reader) -> None:
    if reader.take(1)[0] != _INITIAL_QUERY:
        raise ProtocolFault(NOT_IMPLEMENTED, "a query on behalf of another server")
    for _ in ("initial user", "initial query id", "initial address"):
        reader.text()
    if reader.take(1)[0] != 1:
        raise ProtocolFault(UNEXPECTED_PACKET_FROM_CLIENT, "a query whose interface is not TCP")
    for _ in ("user of the system", "host", "name of the client"):
        reader.text()
    for _ in ("major version", "minor version", "revision"):
        reader.varint()
    reader.text()  # quota key
    reader.varint()  # patch version


def read_tables_status(reader: Reader) -> list[tuple[str, str]]:
    """Read what follows the packet's number: databases and tables."""
    count = reader.varint()
    if count > _MAX_TABLES:
        raise ProtocolFault(TOO_LARGE, f"the status of {count} tables; {_MAX_TABLES} is the limit")
    return [(reader.text(), reader.text()) for _ in range(count)]
