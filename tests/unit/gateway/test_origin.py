"""What proxies say of a request's origin: believed from the ones we know, as far as they reach."""

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.http.origin import Origin, Proxies

KNOWN = ("10.0.0.0/8", "2001:db8:1::/48", "unix")
SEEN = Origin("10.0.0.1", "http", "gateway:8080")
FAR = "203.0.113.7"


def told(proxies: Proxies, seen: Origin, *headers: tuple[str, str]) -> Origin:
    return proxies.origin(seen, CIMultiDictProxy(CIMultiDict(headers)))


def customary(*clients: str) -> str:
    return told(Proxies.of(KNOWN), SEEN, *(("X-Forwarded-For", each) for each in clients)).client


def standard(*values: str) -> Origin:
    return told(Proxies.of(KNOWN, standard=True), SEEN, *(("Forwarded", each) for each in values))


@pytest.mark.parametrize(
    ("said", "client"),
    [
        ([FAR], FAR),
        ([f"{FAR}:4711"], FAR),
        (["2001:db8::7"], "2001:db8::7"),
        (["[2001:db8::7]:4711"], "2001:db8::7"),
        (["::ffff:203.0.113.7"], FAR),
        # Each proxy adds whom it saw at the right: the walk passes the known ones.
        ([f"{FAR}, 10.1.1.1, 10.2.2.2"], FAR),
        ([FAR, "10.1.1.1"], FAR),
        # What the client made up stands left of the client itself.
        (["127.0.0.1, 10.9.9.9, 203.0.113.7"], FAR),
        (["1.1.1.1", f"6.6.6.6, {FAR}, 10.1.1.1"], FAR),
        # Nobody but ourselves: the farthest of us.
        (["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
    ],
)
def test_the_client_is_the_first_stranger_on_the_way_out(said: list[str], client: str) -> None:
    assert customary(*said) == client


@pytest.mark.parametrize(
    "said",
    [
        "", ",", ", ,,", "unknown", "_hidden", "example.com", "203.0.113.7.1", "999.1.1.1", "1.2.3", "0x7f000001",
        "<script>", "[::1]x", "%00", "127.0.0.1\t;", "203.0.113.7:port:more", "\u0661.1.1.1", "a" * 8000, "1" * 5000,
    ],
)  # fmt: skip
def test_what_is_no_address_ends_the_walk_where_it_was(said: str) -> None:
    assert customary(said) == SEEN.client
    assert customary(f"{FAR}, {said}, 10.1.1.1") == ("10.1.1.1" if said.strip(", ") else FAR)


def test_nobody_else_can_speak_for_another() -> None:
    stranger = Origin(FAR, "http", "gateway:8080")
    spoofed = [("X-Forwarded-For", "10.0.0.1"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example")]

    assert told(Proxies.of(KNOWN), stranger, *spoofed) == stranger
    assert told(Proxies(), SEEN, *spoofed) == SEEN


def test_the_header_that_the_proxies_do_not_set_is_the_clients_own_word() -> None:
    both = [("X-Forwarded-For", "203.0.113.1"), ("Forwarded", "for=203.0.113.2")]

    assert told(Proxies.of(KNOWN), SEEN, *both).client == "203.0.113.1"
    assert told(Proxies.of(KNOWN, standard=True), SEEN, *both).client == "203.0.113.2"


def test_scheme_and_host_are_what_the_client_used() -> None:
    said = [("X-Forwarded-For", FAR), ("X-Forwarded-Proto", "HTTPS"), ("X-Forwarded-Host", "chat.example.com:8443")]

    assert told(Proxies.of(KNOWN), SEEN, *said) == Origin(FAR, "https", "chat.example.com:8443")


def test_a_made_up_scheme_or_host_in_front_of_the_proxies_own_is_passed_over() -> None:
    said = [
        ("X-Forwarded-For", f"6.6.6.6, {FAR}"),
        ("X-Forwarded-Proto", "http, https"),
        ("X-Forwarded-Host", "evil.example, chat.example.com"),
    ]

    assert told(Proxies.of(KNOWN), SEEN, *said) == Origin(FAR, "https", "chat.example.com")


@pytest.mark.parametrize("host", ["a b", "evil.example/path", "user@host", "host:port", "<b>", "-", "x" * 400, "[::1"])
@pytest.mark.parametrize("scheme", ["javascript", "https://", "h" * 4000])
def test_a_scheme_or_host_that_is_none_is_not_taken(host: str, scheme: str) -> None:
    said = [("X-Forwarded-For", FAR), ("X-Forwarded-Proto", scheme), ("X-Forwarded-Host", host)]

    assert told(Proxies.of(KNOWN), SEEN, *said) == Origin(FAR, "http", SEEN.host)


def test_the_standard_header_is_read_with_its_quotes_and_ports() -> None:
    seen = standard('for="[2001:db8::7]:4711";proto=https;host="chat.example.com", for=10.1.1.1;by=10.0.0.1')

    assert seen == Origin("2001:db8::7", "https", "chat.example.com")


@pytest.mark.parametrize(
    ("said", "client"),
    [
        ("for=unknown", SEEN.client),
        ("for=_gazonk, for=10.1.1.1", "10.1.1.1"),
        (f"for=1.1.1.1, for={FAR}", FAR),
        (f'for={FAR};proto="', SEEN.client),
        (f'for="{FAR}', SEEN.client),
        ('for="1.1.1.1, for=10.1.1.1", for=10.2.2.2', "10.2.2.2"),
        (f"nonsense, for={FAR}", FAR),
        (";;;,,,=", SEEN.client),
        ('"' * 4000, SEEN.client),
        ("for=" * 2000, SEEN.client),
    ],
)
def test_what_is_malformed_hides_itself_and_what_stands_left_of_it(said: str, client: str) -> None:
    assert standard(said).client == client


def test_a_long_chain_is_walked_so_far_and_no_farther() -> None:
    assert customary(", ".join([FAR, *["10.1.1.1"] * 5000])) == "10.1.1.1"


def test_whoever_may_open_our_socket_file_is_a_proxy_only_by_name() -> None:
    seen = Origin("", "http", "localhost")

    assert told(Proxies.of(["unix"]), seen, ("X-Forwarded-For", FAR)).client == FAR
    assert told(Proxies.of(["10.0.0.0/8"]), seen, ("X-Forwarded-For", FAR)).client == ""
