"""How a recorded scenario is brought about: the flags it ran under, and what the recorded model was told to do."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from infra.local.tgi.options import Options
from infra.local.tgi.template import CHATML
from infra.local.tgi.timed.knobs import Fault, Knobs
from tests.contracts.tgi.exchanges import Request, Scenario

RECORDED = Options(
    max_input_tokens=512,
    max_total_tokens=1024,
    max_best_of=2,
    max_stop_sequences=4,
    max_top_n_tokens=5,
    max_client_batch_size=4,
)
RAISES = "{{ raise_exception('Conversation roles must alternate') }}"
# The recorded model obeyed orders in its prompt.
_ORDER = re.compile(r"\[\[(fail|eos|reply|delay):(.*)\]\]", re.DOTALL)
JSON = {"Content-Type": "application/json"}
CHAT = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2}

# What went before, where the metrics count on.
_ONE_CHAT = Request("POST", "/v1/chat/completions", JSON, CHAT)
_TWO_PROMPTS = Request("POST", "/v1/completions", JSON, {"prompt": ["a", "b"], "max_tokens": 2})
_ERRORS = (
    Request("POST", "/generate", JSON, {"inputs": ""}),
    Request("POST", "/generate", JSON, "{"),
    Request("POST", "/chat_tokenize", JSON, CHAT),
    Request("POST", "/tokenize", JSON, {"inputs": "a"}),
)
_COUNTED = {
    "count_chat": (_ONE_CHAT,),
    "count_completions_2": (_ONE_CHAT, _TWO_PROMPTS),
    "count_errors": (_ONE_CHAT, _TWO_PROMPTS, *_ERRORS),
}
# A page of metrics is empty before the first request.
_BEFORE: dict[str, tuple[Request, ...]] = {
    **_COUNTED,
    "metrics_after": (_ONE_CHAT,),
    "key_get_metrics": (Request("POST", "/v1/chat/completions", {**JSON, "Authorization": "Bearer sekret"}, CHAT),),
}


def theme(scenario: Scenario) -> str:
    """What the scenario is about."""
    for start, about in (
        (("overload", "queued"), "overload and queue"),
        (("disconnect", "permit_after"), "hang-up"),
        (("key_",), "API key"),
        (("fail", "shard", "health_after"), "model process failing or gone"),
        (("count_", "metrics_"), "metrics"),
        (("tool_", "template", "no_template", "grammar"), "tools, grammars, templates"),
    ):
        if scenario.name.startswith(start):
            return about
    return "flags and limits"


def options_of(scenario: Scenario) -> tuple[Options, int]:
    """The flags, and how many answers are made at a time (0: any number)."""
    flags = dict(re.findall(r"--([a-z-]+) ([^-]\S*)", scenario.setting))
    known: dict[str, Any] = {"keep_alive_s": 0.05} if scenario.name == "sse_keepalive" else {}
    for flag, value in flags.items():
        name = flag.replace("-", "_").replace("payload_limit", "payload_limit_bytes")
        if hasattr(RECORDED, name):
            known[name] = int(value) if value.isdigit() else (value,) if name == "cors_allow_origin" else value
    if "--disable-grammar-support" in scenario.setting:
        known["grammar_support"] = False
    if scenario.note.startswith("env COMPUTE_TYPE="):
        known["compute_type"] = scenario.note.partition("=")[2]
    return replace(RECORDED, **known), int(flags.get("max-batch-size", 0))


def template_of(scenario: Scenario) -> str:
    """The chat template, which some scenarios lack."""
    if scenario.name.startswith("no_template"):
        return ""
    return RAISES if scenario.name.startswith("template_raises") else CHATML


def before(scenario: Scenario) -> tuple[Request, ...]:
    """What is sent first, one after another."""
    return _BEFORE.get(scenario.name, ())


def knobs_of(scenario: Scenario, slots: int) -> Knobs:
    """How the timed model behaves."""
    slow = scenario.name == "sse_keepalive"
    return Knobs(
        first_token_ms=120.0 if slow else 0.0,
        token_ms=120.0 if slow else 0.0,
        answer_tokens=5000,
        slots=slots,
        down=scenario.name.startswith("shard_down"),
    )


def faults_of(scenario: Scenario) -> list[Fault]:
    """The orders of its prompt, for the timed model."""
    if scenario.name.startswith("shard_killed"):
        return [Fault(kind="fail", after_tokens=3, text="transport error")]
    if scenario.name.startswith("stop_mid"):
        return [Fault(kind="say", text=" Once upon a time, in a small village by the sea")]
    return [fault for text in _texts(scenario.request.body) for fault in _ordered(text)]


def _ordered(text: str) -> Iterator[Fault]:
    if (order := _ORDER.search(text)) is None:
        return
    match order[1]:
        case "fail":
            token = int(order[2])
            why = f"stub failure at token {token}"
            yield Fault(kind="fail", after_tokens=token - 1, contains="[[fail", text=why)
        case "eos":
            yield Fault(kind="say", text=" once" * (int(order[2]) - 1))
        case "reply":
            yield Fault(kind="say", text=order[2], times=2)
        case _:
            pass


def _texts(body: Any) -> Iterator[str]:
    match body:
        case str():
            yield body
        case dict():
            for each in body.values():
                yield from _texts(each)
        case list():
            for each in body:
                yield from _texts(each)
        case _:
            pass
