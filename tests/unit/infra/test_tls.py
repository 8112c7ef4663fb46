"""A certificate and its key are checked before they are used, and taken anew while the door is open."""

import asyncio
import logging
import ssl
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from infra import tls
from infra.clock import SystemClock
from infra.errors import WrongSetting
from infra.tls import Door, Pair
from tests.support.certificates import Authority, a_key, pem
from tests.support.eventually import eventually


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def a_door(pair: Pair) -> Door:
    """It reads files, so a thread does it."""
    return await asyncio.to_thread(Door, pair, SystemClock())


@asynccontextmanager
async def listening(door: Door) -> AsyncIterator[int]:
    """A server that only shakes hands; its port."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=door.context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def serial_seen(port: int, context: ssl.SSLContext) -> int:
    """The number of the certificate that a new client is shown."""
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    shown = writer.get_extra_info("peercert")
    writer.close()
    await writer.wait_closed()
    return int(shown["serialNumber"], 16)


def of_an_unknown_kind(written: bytes) -> bytes:
    """The same PEM, on a curve that nobody supports (prime192v2 for prime256v1)."""
    first, *lines, last = written.decode().strip().splitlines()
    curve = b"\x2a\x86\x48\xce\x3d\x03\x01"
    der = b64decode("".join(lines)).replace(curve + b"\x07", curve + b"\x02")
    return "\n".join([first, b64encode(der).decode(), last, ""]).encode()


def spoil(pair: Pair, how: str) -> None:
    match how:
        case "no file":
            pair.certificate.unlink()
        case "no key":
            pair.key.unlink()
        case "no certificate in PEM":
            pair.certificate.write_text("hello")
        case "no private key in PEM":
            pair.key.write_text("hello")
        case "a certificate of an unknown kind":
            pair.certificate.write_bytes(of_an_unknown_kind(pair.certificate.read_bytes()))
        case "a key of an unknown kind":
            pair.key.write_bytes(of_an_unknown_kind(pair.key.read_bytes()))
        case "another's key":
            pair.key.write_bytes(pem(a_key()))
        case _:
            pair.key.write_bytes(pem(a_key(), "a passphrase"))


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("no file", r"server\.pem cannot be read: No such file"),
        ("no key", r"server\.key cannot be read: No such file"),
        ("no certificate in PEM", r"server\.pem holds no certificate in PEM"),
        ("no private key in PEM", r"server\.key holds no private key in PEM"),
        ("a certificate of an unknown kind", r"server\.pem is of a kind that cannot be used: "),
        ("a key of an unknown kind", r"server\.key is of a kind that cannot be used: "),
        ("another's key", r"server\.key is not that of the certificate \S+server\.pem"),
        ("encrypted", r"server\.key is encrypted: give a key without a passphrase"),
    ],
)
def test_a_pair_that_cannot_serve_is_refused_in_words(authority: Authority, how: str, told: str) -> None:
    pair = authority.pair()
    spoil(pair, how)

    with pytest.raises(WrongSetting, match=told):
        Door(pair, SystemClock())


@pytest.mark.parametrize(("days", "told"), [((-9, -1), "has expired on 20"), ((2, 9), "is not valid before 20")])
def test_a_certificate_that_no_client_would_take_is_refused(
    authority: Authority, days: tuple[int, int], told: str
) -> None:
    with pytest.raises(WrongSetting, match=told):
        Door(authority.pair(days=days), SystemClock())


async def test_a_renewed_certificate_is_shown_to_the_next_client_even_with_a_key_of_another_kind(
    authority: Authority,
) -> None:
    door, context = await a_door(authority.pair(kind="rsa")), tls.towards(authority.ca_file)
    async with listening(door) as port:
        before = await serial_seen(port, context)
        authority.pair(kind="ec")
        await asyncio.to_thread(door.look)
        after = await serial_seen(port, context)

    assert (before, after) == (2, 3)


async def test_a_renewal_that_went_wrong_leaves_the_last_certificate_in_place(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    pair = authority.pair()
    door, context = await a_door(pair), tls.towards(authority.ca_file)
    async with listening(door) as port:
        pair.key.write_bytes(pem(a_key()))
        with caplog.at_level(logging.ERROR):
            await asyncio.to_thread(door.look)
        seen = await serial_seen(port, context)

    assert seen == 2
    assert "the last one stays" in caplog.text


async def test_whoever_is_asked_looks_at_once_and_otherwise_now_and_then(authority: Authority) -> None:
    door, asked = await a_door(authority.pair()), asyncio.Event()
    looked: list[bool] = []
    door.look = lambda *, unconditionally=False: looked.append(unconditionally)  # type: ignore[method-assign]

    asked.set()
    watching = asyncio.create_task(door.watch(0.01, asked))
    await eventually(lambda: False in looked, what="a look by itself")
    watching.cancel()
    await asyncio.wait([watching])

    assert looked[0] is True


async def test_a_look_that_goes_wrong_is_logged_and_the_next_one_comes(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    door, looked = await a_door(authority.pair()), 0

    def look(**_: bool) -> None:
        nonlocal looked
        looked += 1
        raise RuntimeError("nobody thought of this")

    door.look = look  # type: ignore[method-assign]
    watching = asyncio.create_task(door.watch(0.01, asyncio.Event()))
    await eventually(lambda: looked > 1, what="another look")
    watching.cancel()
    await asyncio.wait([watching])

    assert "nobody thought of this" in caplog.text


def test_nothing_older_than_tls_1_2_is_spoken(authority: Authority) -> None:
    assert Door(authority.pair(), SystemClock()).context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert tls.towards(authority.ca_file).minimum_version is ssl.TLSVersion.TLSv1_2


async def test_a_server_whose_authority_we_were_not_told_of_is_not_believed(
    authority: Authority, tmp_path: Path
) -> None:
    other = await asyncio.to_thread(Authority, tmp_path / "other")
    async with listening(await a_door(authority.pair())) as port:
        with pytest.raises(ssl.SSLCertVerificationError):
            await serial_seen(port, tls.towards(other.ca_file))


def test_what_we_show_to_servers_must_be_usable_too(authority: Authority) -> None:
    pair = authority.pair()
    tls.towards(authority.ca_file, pair)
    pair.key.write_bytes(pem(a_key(), "a passphrase"))

    with pytest.raises(WrongSetting, match="is encrypted"):
        tls.towards(authority.ca_file, pair)
    with pytest.raises(WrongSetting, match=r"none\.pem cannot be used for TLS"):
        tls.towards(authority.folder / "none.pem")
