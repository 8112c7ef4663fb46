"""Which URLs and addresses a webhook may call."""

import pytest

from producers.destinations import Forbidden, Policy, channel_of, forbidden, host_of, refusal

STRICT = Policy()
DEVELOPMENT = Policy(allow_loopback=True, trusted=frozenset({"10.0.0.7:9000", "hooks.internal:80"}))

INSIDE = [
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "100.100.100.200", "168.63.129.16", "192.0.0.192", "192.0.2.1", "198.18.0.1", "224.0.0.1", "233.252.0.1",
    "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8",
    "64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "2001::1", "fc00::1",
    "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2001:db8::1",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_refused(address: str) -> None:
    assert refusal(address, "public") is not None


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1"])
def test_a_public_address_is_allowed(address: str) -> None:
    assert refusal(address, "public") is None


def test_what_is_no_address_is_refused() -> None:
    assert refusal("example.com", "public") is not None


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_the_loopback_channel_leads_to_this_machine_only(address: str) -> None:
    assert refusal(address, "loopback") is None
    assert refusal("10.0.0.1", "loopback") is not None


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com/", "https://", "https:///x", "file:///etc/passwd", "https://u:p@e.com/",
        "https://example.com:99999/", "https://example.com:0/", f"https://{'x' * 64}.com/", "https://a..b/", "https://./",
        f"https://{'x.' * 126}com/", "http://localhost/", "http://10.0.0.7:9000/", "not a url", "",
    ],
)  # fmt: skip
def test_only_https_is_allowed_by_default(url: str) -> None:
    assert isinstance(channel_of(url, STRICT), Forbidden)


def test_https_goes_out_by_the_public_channel_even_to_this_machine() -> None:
    assert channel_of("https://example.com/hook", STRICT) == "public"
    assert channel_of("https://localhost/hook", STRICT) == "public"
    assert channel_of("https://127.0.0.1/hook", STRICT) == "public"


@pytest.mark.parametrize("host", [f"{'x' * 63}.com", f"{'x.' * 125}com", "example.com.", "a_b.example.com"])
def test_a_name_that_a_resolver_could_know_is_allowed(host: str) -> None:
    assert channel_of(f"https://{host}/", STRICT) == "public"


@pytest.mark.parametrize(("host", "is_told"), [("localhost", True), ("127.0.0.1", True), ("example.com", False)])
def test_whoever_calls_this_machine_is_told_how_to_allow_it(host: str, is_told: bool) -> None:
    refused = forbidden(f"http://{host}:9/", STRICT)

    assert refused is not None
    assert ("HEADRACE_WEBHOOKS__ALLOW_LOOPBACK=1" in refused.reason) == is_told


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:80/", "http://localhost:1/", "https://localhost/", "http://[::1]:5/"]
)
def test_loopback_is_allowed_for_development(url: str) -> None:
    assert channel_of(url, DEVELOPMENT) == "loopback"


def test_what_the_operator_trusts_is_allowed_at_its_port_only() -> None:
    assert channel_of("http://10.0.0.7:9000/x", DEVELOPMENT) == "trusted"
    assert channel_of("http://HOOKS.internal/x", DEVELOPMENT) == "trusted"
    assert isinstance(channel_of("http://10.0.0.7:9001/x", DEVELOPMENT), Forbidden)


@pytest.mark.parametrize("address", INSIDE)
def test_a_url_that_names_an_address_inside_is_forbidden_before_anybody_connects(address: str) -> None:
    host = f"[{address}]" if ":" in address else address

    assert forbidden(f"https://{host}/hook", STRICT) is not None


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "2130706433", "0177.0.0.1", "10.1"])
def test_an_address_is_known_in_every_way_of_writing_it(host: str) -> None:
    assert forbidden(f"https://{host}/", STRICT) is not None


@pytest.mark.parametrize("host", ["example.com", "localhost", "8.8.8.8", "[2606:4700::1111]", "metadata.internal"])
def test_names_and_public_addresses_are_left_to_the_sender(host: str) -> None:
    assert forbidden(f"https://{host}/", STRICT) is None


def test_what_an_operator_allows_is_not_forbidden() -> None:
    assert forbidden("http://127.0.0.1:9/", DEVELOPMENT) is None
    assert forbidden("http://[::1]:9/", DEVELOPMENT) is None
    assert forbidden("http://10.0.0.7:9000/", DEVELOPMENT) is None
    assert forbidden("https://10.0.0.7:9001/", DEVELOPMENT) is not None


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.com/x", "example.com:443"),
        ("http://example.com:8080", "example.com:8080"),
        ("https://[::1]:5/", "::1:5"),
        ("https://example.com:99999/", ":0"),
    ],
)
def test_deliveries_to_one_host_share_a_queue(url: str, host: str) -> None:
    assert host_of(url) == host
