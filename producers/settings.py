"""Settings that two services share."""

from dataclasses import dataclass
from typing import ClassVar

from infra.addresses import is_host_and_port, is_url
from infra.errors import WrongSetting
from infra.settings import Block, setting
from producers.destinations import Policy

SCHEDULE_S = ("0", "5", "300", "1800", "7200", "18000", "36000", "50400", "72000", "86400")


OUTLINES = "outlines"
GRAMMARS = (OUTLINES, "llguidance")
MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"


@dataclass(frozen=True)
class PromptSettings(Block):
    """What may be asked: the gateway's own settings, which trusted services read as well."""

    block: ClassVar[str] = "gateway"
    models: tuple[str, ...] = setting((MODEL,), "names of the models served, with commas between")
    body_limit_bytes: int = setting(1024 * 1024, "largest body of a request")
    max_answer_tokens: int = setting(4096, "most tokens that a client may ask for in one answer")

    grammars: str = setting(
        "outlines",
        "who holds answers to JSON schemas: `outlines` (TGI), which passes over some keywords, or `llguidance` (the "
        "embedded server); the same for gateways and workers",
    )
    template_tokens: int = setting(
        48, "tokens held back of every prompt for what the model's chat template adds, as a system prompt of its own"
    )

    def check(self) -> None:
        """Without a model nobody could be served; a prompt and its answer must fit into one record."""
        if not self.models:
            raise WrongSetting(f"{self.variable('models')} names no model")
        if self.grammars not in GRAMMARS:
            raise WrongSetting(f"{self.variable('grammars')} must be one of {', '.join(GRAMMARS)}")
        if self.body_limit_bytes > 2 * 1024 * 1024:
            raise WrongSetting(
                f"{self.variable('body_limit_bytes')}={self.body_limit_bytes} leaves no room for the answer "
                "in a record of 4 MiB: give 2097152 or less"
            )


@dataclass(frozen=True)
class ModerationSettings(Block):
    """An operator's own judgement on prompts and answers; both hooks are http(s)://… or module:function."""

    block: ClassVar[str] = "moderation"
    prompts: str = setting(
        "",
        "the hook that the gateway asks before it lets a prompt in, and workers of what no gateway did; empty: none",
    )
    answers: str = setting("", "the hook that workers ask before an answer is shown, which is held back; empty: none")
    timeout_s: float = setting(5.0, "longest wait for a judgement")
    fail_open: bool = setting(False, "let what could not be judged pass; otherwise it is refused for now, or fails")

    def check(self) -> None:
        """Somebody must be given some time."""
        if self.timeout_s <= 0:
            raise WrongSetting(f"{self.variable('timeout_s')}={self.timeout_s} must be more than 0")


@dataclass(frozen=True)
class WebhookSettings(Block):
    """How webhooks are delivered."""

    block: ClassVar[str] = "webhooks"
    allow_loopback: bool = setting(False, "allow http and https to this machine itself (for development)")
    trusted: tuple[str, ...] = setting((), "host:port,… that may be called whatever its address, by http as well")
    timeout_s: float = setting(15.0, "longest wait for a receiver's answer")
    schedule_s: tuple[str, ...] = setting(SCHEDULE_S, "seconds to wait before the first attempt, the second, …")
    lease_s: float = setting(45.0, "how long a claimed delivery is left alone; a dead deliverer's is then sent again")
    at_once: int = setting(64, "attempts under way in one process, at most")
    at_once_per_host: int = setting(8, "of them to one host, at most, so that a slow receiver does not hold up others")
    public_url: str = setting("", "the gateway as receivers see it, put before the paths of jobs; empty: paths")

    @property
    def policy(self) -> Policy:
        """Where webhooks may go: the gateway refuses the rest, and the sender does not call it."""
        return Policy(self.allow_loopback, frozenset(each.lower() for each in self.trusted))

    @property
    def delays_s(self) -> tuple[float, ...]:
        """The schedule as numbers."""
        return tuple(float(each) for each in self.schedule_s)

    def check(self) -> None:
        """A lease must outlast the attempt made under it; the schedule must be numbers, addresses must be such."""
        if wrong := [each for each in self.trusted if not is_host_and_port(each)]:
            raise WrongSetting(f"{self.variable('trusted')}: {wrong[0]!r} is no host:port")
        if self.public_url and not is_url(self.public_url, "http", "https"):
            raise WrongSetting(f"{self.variable('public_url')} must be http(s)://host:port")
        if self.lease_s < self.timeout_s + 10.0:
            raise WrongSetting(f"{self.variable('lease_s')}={self.lease_s} must be 10 s more than the timeout at least")
        try:
            valid = bool(self.delays_s) and all(each >= 0 for each in self.delays_s)
        except ValueError:
            valid = False
        if not valid:
            raise WrongSetting(f"{self.variable('schedule_s')}={','.join(self.schedule_s)!r} is not a list of seconds")
