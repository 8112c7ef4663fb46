"""Settings of the gateway."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from gateway import prices
from gateway.http.origin import Proxies
from infra import fuse
from infra.addresses import is_url
from infra.errors import WrongSetting
from infra.settings import setting
from infra.tls import Pair
from producers.events import Lane
from producers.settings import PromptSettings

LONGEST_PING_S = 15.0
"""The chat page gives a stream up after 45 s of silence, the client after 60 s: two pings may be late or lost."""


DEATHS = ("accepted", "published", "acknowledged", "stopped", "ended", "redriven")
"""The steps of a job's life right after which a fault test can have the gateway killed."""


@dataclass(frozen=True)
class GatewaySettings(PromptSettings):
    """The HTTP side."""

    block: ClassVar[str] = "gateway"
    host: str = setting("127.0.0.1", "address to listen on, of IPv4 or IPv6; unix:/path listens at a socket file")
    port: int = setting(8080, "port to listen on; 0: a free one")
    tls_certificate_file: str = setting("", "PEM file of the certificate and those above it; empty: no TLS")
    tls_key_file: str = setting("", "PEM file of its key, without a passphrase")
    tls_look_every_s: float = setting(
        10.0, "how often these files are looked at, to take them anew; SIGHUP does so too"
    )
    trusted_proxies: tuple[str, ...] = setting(
        (), "addresses and networks (10.0.0.0/8, …; unix: the socket file) whose word on the client's address counts"
    )
    forwarded: str = setting(
        "x-forwarded", "what those proxies set: x-forwarded (X-Forwarded-For, -Proto, -Host) or forwarded (RFC 7239)"
    )
    failed_sign_ins_per_minute: int = setting(20, "unknown keys from one address, before it is told to wait (429)")
    cors_origins: tuple[str, ...] = setting(
        (), "origins (https://app.example.com) whose pages may call the API from a browser; *: any; empty: none"
    )
    head_timeout_s: float = setting(15.0, "longest time from the first byte of a request to the end of its headers")
    body_timeout_s: float = setting(20.0, "longest time in which 64 KiB more of a body, or its end, must arrive")
    idle_timeout_s: float = setting(
        120.0, "how long a connection without a request is kept; longer than your proxy keeps one"
    )
    linger_s: float = setting(
        0.0, "after SIGTERM, how long /readyz says no while requests are still taken, for load balancers to notice"
    )
    conversation_bytes: int = setting(
        64_000_000, "most text kept of one conversation: what is added after that, or asked, is refused (409)"
    )
    interactive_wait_s: float = setting(
        120.0,
        "an interactive prompt that would have to wait longer, as the queue goes now, is refused (503); 0: none is",
    )
    standard_wait_s: float = setting(0.0, "the same for a standard one")
    chat_timeout_s: float = setting(600.0, "longest wait of a synchronous chat completion for its answer")
    opening_s: float = setting(
        1.0,
        "how long a chat stream waits for its first text: then it begins with the roles, so that its client has an id"
        " to come back with, and what fails later is told in the stream",
    )
    ping_every_s: float = setting(15.0, "silence after which a comment keeps an event stream open")
    slow_reader_s: float = setting(
        30.0, "how long a reader of a stream or a file may take nothing, before it is cut off"
    )
    reader_grace_s: float = setting(
        10.0,
        "how long a synchronous chat completion goes on without a reader at any gateway; 0: it is cancelled at once"
        " when its client hangs up",
    )
    reports_url: str = setting("", "http://host:port of the reports process; empty: no reports are served")
    reports_timeout_s: float = setting(30.0, "longest wait for a report")
    prices: tuple[str, ...] = setting(
        (), "what a million tokens of a model cost, in and out, for /v1/usage: model=0.15/0.60, with commas between"
    )
    currency: str = setting("USD", "what these prices are in")
    die_after: str = setting("", "for fault tests: step:n kills the process right after the n-th time of that step")

    def check(self) -> None:
        """What may be asked must be; an address must be one."""
        super().check()
        if self.reports_url and not is_url(self.reports_url, "http", "https"):
            raise WrongSetting(f"{self.variable('reports_url')} must be http(s)://host:port")
        if bool(self.tls_certificate_file) != bool(self.tls_key_file):
            missing = "tls_key_file" if self.tls_certificate_file else "tls_certificate_file"
            raise WrongSetting(f"{self.variable(missing)} is missing: TLS needs a certificate and its key")
        positive = ("tls_look_every_s", "head_timeout_s", "body_timeout_s", "idle_timeout_s", "slow_reader_s")
        for name in (*positive, "conversation_bytes"):
            if getattr(self, name) <= 0:
                raise WrongSetting(f"{self.variable(name)}={getattr(self, name)} must be more than 0")
        if not 0 < self.ping_every_s <= LONGEST_PING_S:
            raise WrongSetting(
                f"{self.variable('ping_every_s')}={self.ping_every_s} must be more than 0, at most {LONGEST_PING_S:g}:"
                " the chat page and our clients take a stream that is silent for three times as long for a broken one"
            )
        for name in ("reader_grace_s", "linger_s", "interactive_wait_s", "standard_wait_s"):
            if getattr(self, name) < 0:
                raise WrongSetting(f"{self.variable(name)}={getattr(self, name)} is less than 0")
        for each in self.cors_origins:
            if each != "*" and (not is_url(each, "http", "https") or each.count("/") != 2):
                raise WrongSetting(f"{self.variable('cors_origins')}: {each!r} is no origin such as https://host:port")
        if self.forwarded not in {"x-forwarded", "forwarded"}:
            raise WrongSetting(f"{self.variable('forwarded')}={self.forwarded!r} is neither x-forwarded nor forwarded")
        fuse.refuse_unknown(self.variable("die_after"), self.die_after, DEATHS)
        try:
            prices.read(self.prices)
        except ValueError as error:
            raise WrongSetting(f"{self.variable('prices')}: {error}") from None
        try:
            _ = self.proxies
        except ValueError as error:
            raise WrongSetting(f"{self.variable('trusted_proxies')}: {error}") from None

    @property
    def longest_wait_s(self) -> dict[Lane, float]:
        """By lane, what a prompt may have to wait; 0: as long as it takes. A batch takes what is left over."""
        return {"interactive": self.interactive_wait_s, "standard": self.standard_wait_s}

    @property
    def tls(self) -> Pair | None:
        """The certificate and its key; None where nothing is encrypted."""
        return Pair(Path(self.tls_certificate_file), Path(self.tls_key_file)) if self.tls_certificate_file else None

    @property
    def proxies(self) -> Proxies:
        """Whose word on a request's origin counts."""
        return Proxies.of(self.trusted_proxies, standard=self.forwarded == "forwarded")
