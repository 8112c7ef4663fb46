"""schemathesis against a running gateway, in a process of its own, by the document that the gateway serves."""

import asyncio
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support import schemathesis_checks
from tests.support.gateway import MODEL, RunningGateway

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "ignored_auth",
    schemathesis_checks.unavailable_for_a_reason.__name__,
    schemathesis_checks.each_event_as_documented.__name__,
)
_HARD = ("webhook", "deadline", "tools", "tool_choice", "top_logprobs")
SELDOM_RIGHT = {
    "PromptBody": (*_HARD, "input", "max_tokens", "replaces", "stream_options", "response_format"),
    "ResponseBody": (*_HARD, "previous_response_id", "include", "text"),
}
"""Fields that by chance are hardly ever right: with one of them nearly every prompt would be refused."""
MESSAGES = {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/MessageBody"}}
CONFIG = f"""
hooks = "{schemathesis_checks.__file__}"
request-timeout = 60
[cache]
enabled = false
[phases.fuzzing.extra-data-sources]
responses = false  # our own key must not be found there and revoked
[phases.coverage.extra-data-sources]
responses = false
[generation]
database = "none"
[checks]
not_a_server_error = {{ expected-statuses = ["2xx", "3xx", "4xx", 503] }}
negative_data_rejection = {{ expected-statuses = ["4xx", 503] }}
"""


@dataclass(frozen=True)
class Exam:
    """How hard it looks."""

    max_examples: int
    seed: int = 5
    phases: str = "examples,coverage,fuzzing"
    more: tuple[str, ...] = field(default=())


def narrowed(document: dict[str, Any], known: dict[str, list[str]]) -> dict[str, Any]:
    """The document with what is there on this gateway, so that not every request is told 404.

    Ids in paths are the `known` ones first, and later now and then; models are those that are served, prompts such as
    can be answered.
    """
    for methods in document["paths"].values():
        for operation in methods.values():
            for each in operation["parameters"]:
                if each["in"] == "path" and each["name"] in known:
                    there = {"enum": known[each["name"]]}
                    each["schema"] = {"anyOf": [there, each["schema"]]}
                    each["examples"] = {id: {"value": id} for id in known[each["name"]]}
    for title, schema in document["components"]["schemas"].items():
        if "properties" in schema and title != "UploadForm":
            # Clients may be told more than they know; an exam wants to hear of every field.
            schema["additionalProperties"] = False
    for name in ("PromptBody", "ResponseBody"):
        fields = document["components"]["schemas"][name]["properties"]
        fields["model"]["enum"] = [MODEL]
        fields |= {field: {"type": "null"} for field in SELDOM_RIGHT[name]}
        fields["conversation"] = {"enum": [None, *known["conversation_id"]]}
    message = document["components"]["schemas"]["MessageBody"]
    message["properties"] |= {
        "content": {"type": "string"},
        "tool_calls": {"type": "null"},
        "tool_call_id": {"type": "null"},
    }
    message["properties"]["role"]["enum"] = ["system", "user", "assistant"]
    message["required"] = ["role", "content"]
    prompt = document["components"]["schemas"]["PromptBody"]
    prompt["required"], prompt["properties"]["messages"] = ["model", "messages"], MESSAGES
    return document


async def examine(gateway: RunningGateway, known: dict[str, list[str]], exam: Exam, folder: Path) -> tuple[int, str]:
    """The exit code of schemathesis, and what it said."""
    document = folder / "openapi.json"
    document.write_text(json.dumps(narrowed((await gateway.get("/openapi.json")).json, known)))
    config = folder / "schemathesis.toml"
    config.write_text(CONFIG)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", str(document)),
        *("--url", gateway.url, "--header", f"Authorization: Bearer {gateway.key.api_key}"),
        *("--checks", ",".join(CHECKS), "--phases", exam.phases, "--seed", str(exam.seed)),
        *("--max-examples", str(exam.max_examples), "--continue-on-failure", *exam.more),
        *("--no-color", "--output-sanitize", "false"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()
