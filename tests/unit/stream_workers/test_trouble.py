"""Every way in which TGI says that something is wrong, as TGI 3.3 says it."""

import json

import pytest

from producers.events import TokenLogprob
from stream_workers.inference.retries import RULES
from stream_workers.inference.tgi import End, Token, read
from stream_workers.inference.trouble import Trouble, of_reply


@pytest.mark.parametrize(
    ("status", "body", "kind", "again"),
    [
        (429, {"error": "Model is overloaded", "error_type": "overloaded"}, "busy", True),
        (424, {"error": "Request failed during generation", "error_type": "generation"}, "failed", True),
        (500, {"error": "Incomplete generation", "error_type": "incomplete_generation"}, "failed", True),
        (503, {"error": "unhealthy", "error_type": "healthcheck"}, "away", True),
        (422, {"error": "Input validation error: …", "error_type": "validation"}, "refused", False),
        (422, {"error": "Template error: …", "error_type": "template_error"}, "refused", False),
    ],
)
def test_an_error_of_tgis_own_is_known_by_its_type(status: int, body: dict[str, str], kind: str, again: bool) -> None:
    trouble = of_reply(status, json.dumps(body).encode())
    assert (trouble.kind, trouble.kind in RULES, trouble.message) == (kind, again, body["error"])


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (422, b"Failed to deserialize the JSON body into the target type: inputs:", "refused"),
        (400, b"Failed to parse the request body as JSON:", "refused"),
        (413, b"Failed to buffer the request body: length limit exceeded", "refused"),
        (401, b"", "denied"),
        (404, b"", "denied"),
        (502, b"<html>Bad gateway</html>", "failed"),
        (302, b"", "garbled"),
        (429, b"\xff\xfe", "busy"),
        (503, b'{"error": {"message": "Loading model", "code": 503}}', "away"),
    ],
)
def test_an_error_of_the_framework_or_of_a_proxy_is_known_by_its_status(status: int, body: bytes, kind: str) -> None:
    trouble = of_reply(status, body)
    assert trouble.kind == kind
    assert trouble.message


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({"error": "Model is overloaded", "error_type": "overloaded"}, "busy"),
        ({"error": "Input validation error", "error_type": "validation"}, "refused"),
        ({"error": "unhealthy", "error_type": "healthcheck"}, "failed"),
        ({"error": "something new", "error_type": "unheard_of"}, "failed"),
        ({"error": {"message": "Model is overloaded", "http_status_code": 429}}, "busy"),
        ({"error": {"message": "?", "http_status_code": "odd"}}, "failed"),
    ],
)
def test_an_error_event_within_a_stream_is_known_by_its_type(data: dict[str, object], kind: str) -> None:
    (trouble,) = read(json.dumps(data))
    assert isinstance(trouble, Trouble)
    assert trouble.kind == kind


@pytest.mark.parametrize("data", ["", "{", "[]", "7", "null", '{"token": {"id": 1}}', '{"hello": "world"}'])
def test_an_event_that_is_none_of_tgis_is_garbled(data: str) -> None:
    (trouble,) = read(data)
    assert isinstance(trouble, Trouble)
    assert trouble.kind == "garbled"


def test_a_token_and_the_end_that_comes_with_the_last_one() -> None:
    token = {"id": 1, "text": " blue", "logprob": -0.1, "special": False}
    assert read(json.dumps({"index": 1, "token": token, "generated_text": None, "details": None})) == [
        Token(" blue", -0.1)
    ]
    top = [{**token, "text": " blue"}, {**token, "text": " red", "logprob": -2.5}]
    with_top = {"index": 1, "token": token, "top_tokens": top, "generated_text": None, "details": None}
    likeliest = (TokenLogprob(" blue", -0.1), TokenLogprob(" red", -2.5))
    assert read(json.dumps(with_top)) == [Token(" blue", -0.1, top=likeliest)]
    last = {"id": 2, "text": "<|im_end|>", "logprob": -0.1, "special": True}
    details = {"finish_reason": "eos_token", "generated_tokens": 2, "seed": None, "input_length": 9}
    told = json.dumps({"index": 2, "token": last, "generated_text": " blue", "details": details})
    assert read(told) == [Token("", -0.1, special=True), End("stop", 2)]
