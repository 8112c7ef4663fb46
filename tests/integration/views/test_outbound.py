"""The client of webhooks connects to checked addresses only."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from infra.clock import SystemClock
from producers.destinations import Policy
from stream_workers.webhooks.delivery import NotAllowed, Replied, Unreached
from stream_workers.webhooks.outbound import Outbound, checked_socket, outbound
from tests.support.receiver import Receiver, a_receiver

LOCAL = Policy(allow_loopback=True)


class NameServer(AbstractResolver):
    """Gives out addresses in turn; the last one for ever."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        address = self.addresses.pop(0) if len(self.addresses) > 1 else self.addresses[0]
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0, flags=socket.AI_NUMERICHOST,
            )
        ]  # fmt: skip

    async def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with a_receiver() as running:
        yield running


def client(policy: Policy, *addresses: str, timeout_s: float = 20.0) -> AbstractAsyncContextManager[Outbound]:
    server = NameServer(*(addresses or ("127.0.0.1",)))
    return outbound(policy, SystemClock(), timeout_s, 4, lambda: server)


async def test_a_name_that_leads_inside_is_refused_and_nobody_is_called(receiver: Receiver) -> None:
    async with client(Policy(), "127.0.0.1") as sending:
        result = await sending.post(f"https://example.com:{receiver.port}/", b"{}", {})

    assert result == NotAllowed("127.0.0.1 is not a public address")
    assert receiver.arrived == []


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "169.254.169.254", "[::ffff:127.0.0.1]", "0.0.0.0", "10.0.0.1"])
async def test_a_literal_address_inside_is_refused_although_no_name_is_resolved(host: str) -> None:
    async with client(Policy()) as sending:
        result = await sending.post(f"https://{host}:9/", b"{}", {})

    assert isinstance(result, NotAllowed)


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "0177.0.0.1"])
async def test_odd_spellings_of_an_address_inside_are_refused(host: str) -> None:
    async with outbound(Policy(), SystemClock(), 20.0, 4) as sending:
        result = await sending.post(f"https://{host}:9/", b"{}", {})

    assert isinstance(result, NotAllowed)


async def test_a_name_that_changes_its_mind_between_attempts_is_checked_again(receiver: Receiver) -> None:
    policy = Policy(allow_loopback=True)
    async with client(policy, "127.0.0.1", "10.0.0.1") as sending:
        first = await sending.post(f"http://localhost:{receiver.port}/", b"{}", {})
        second = await sending.post(f"http://localhost:{receiver.port}/", b"{}", {})

    assert first == Replied(204)
    assert second == NotAllowed("10.0.0.1 is not this machine")
    assert len(receiver.arrived) == 1


def test_the_socket_factory_refuses_by_itself_so_that_no_way_leads_around_the_resolver() -> None:
    where = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("10.0.0.1", 80))
    with pytest.raises(OSError, match="not a public address"):
        checked_socket("public", where)


async def test_a_redirect_is_an_answer_and_is_not_followed(receiver: Receiver) -> None:
    receiver.orders = [(302, {"location": receiver.url + "/elsewhere"})]
    async with client(LOCAL) as sending:
        result = await sending.post(receiver.url, b"{}", {})

    assert result == Replied(302)
    assert [each.path for each in receiver.arrived] == ["/hook"]


async def test_retry_after_is_heard(receiver: Receiver) -> None:
    receiver.orders = [(429, {"retry-after": "7"})]
    async with client(LOCAL) as sending:
        assert await sending.post(receiver.url, b"{}", {}) == Replied(429, 7.0)


async def test_slow_reset_and_absent_receivers_are_unreached(receiver: Receiver) -> None:
    receiver.orders = ["slow", "reset"]
    async with client(LOCAL, timeout_s=0.3) as sending:
        slow = await sending.post(receiver.url, b"{}", {})
        cut = await sending.post(receiver.url, b"{}", {})
        absent = await sending.post("http://127.0.0.1:1/", b"{}", {})

    assert slow == Unreached("the receiver did not answer in time")
    assert isinstance(cut, Unreached)
    assert isinstance(absent, Unreached)


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(pour, "127.0.0.1", 0) as server, client(LOCAL) as sending:
        port = server.sockets[0].getsockname()[1]
        assert await sending.post(f"http://127.0.0.1:{port}/", b"{}", {}) == Replied(200)


async def test_why_a_receiver_was_not_reached_tells_nothing_of_the_url() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"what do you want?\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(babble, "127.0.0.1", 0) as server, client(LOCAL) as sending:
        port = server.sockets[0].getsockname()[1]
        result = await sending.post(f"http://127.0.0.1:{port}/?token=hunter2", b"{}", {})

    assert result == Unreached("the receiver's answer is no HTTP")
