"""`/v1/chat/completions`, whole and streamed, and `/invocations`, which takes any of the three forms."""

from contextlib import aclosing
from typing import Any

from aiohttp import web

from infra.local.tgi import completions, native
from infra.local.tgi.answer import Final, Step
from infra.local.tgi.bodies import decode, decode_any, read
from infra.local.tgi.collect import whole
from infra.local.tgi.engine import Token
from infra.local.tgi.errors import Refused, invalid, tool_error
from infra.local.tgi.replies import cost_of, json_reply
from infra.local.tgi.service import Service, Times
from infra.local.tgi.stream import EventStream
from infra.local.tgi.wire import ChatRequest, CompletionRequest, Parameters

FINISH = {"eos_token": "stop", "length": "length", "stop_sequence": "stop_sequence"}


async def chat(service: Service, request: web.Request) -> web.StreamResponse:
    """`POST /v1/chat/completions`."""
    asked = decode(await read(request, service.options.payload_limit_bytes), ChatRequest)
    return await answer_chat(service, request, asked)


async def invocations(service: Service, request: web.Request) -> web.StreamResponse:
    """`POST /invocations`: a generation, a chat or a completion by its fields."""
    asked = decode_any(await read(request, service.options.payload_limit_bytes))
    match asked:
        case ChatRequest():
            return await answer_chat(service, request, asked)
        case CompletionRequest():
            return await completions.answer_completions(service, request, asked)
        case _:
            return await native.answer_whole(service, asked, full_text=True, as_list=True)


async def answer_chat(service: Service, request: web.Request, asked: ChatRequest) -> web.StreamResponse:
    """The assistant's next message."""
    service.metrics.count("tgi_request_count")
    _check_tools(service, asked)
    inputs = _templated(service, asked)
    given = parameters(asked)
    service.metrics.count("tgi_request_count")
    if asked.stream:
        return await _stream(service, request, asked, inputs, given)
    with service.permits(inputs):
        made = await whole(service, inputs, given)
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": made.final.generated_text},
        "logprobs": _logprobs(made.tokens) if asked.logprobs else None,
        "finish_reason": FINISH[made.final.finish_reason],
    }
    body = {**_head(service, asked, "chat.completion"), "choices": [choice], "usage": made.cost.usage()}
    return json_reply(body, headers=made.cost.headers(len(inputs)))


def _templated(service: Service, asked: ChatRequest) -> str:
    try:
        return service.template.render(asked)
    except Refused:
        service.metrics.failed("template")
        raise


def _check_tools(service: Service, asked: ChatRequest) -> None:
    if asked.tools is None:
        return
    if asked.response_format is not None:
        raise tool_error("Grammar and tools are mutually exclusive")
    if not service.options.grammar_support:
        raise invalid("grammar is not supported")


def parameters(asked: ChatRequest) -> Parameters:
    """What the native route would have been told; temperature 0 is greedy, and a presence penalty counts from 2."""
    greedy = asked.temperature == 0.0
    repetition = None if asked.presence_penalty is None else asked.presence_penalty + 2.0
    return Parameters(
        best_of=1,
        temperature=None if greedy else asked.temperature,
        repetition_penalty=repetition,
        frequency_penalty=asked.frequency_penalty,
        top_p=asked.top_p,
        do_sample=not greedy,
        max_new_tokens=asked.limit,
        stop=asked.stop or [],
        details=not asked.stream,
        seed=asked.seed,
        top_n_tokens=asked.top_logprobs,
        grammar=asked.response_format,
    )


def _head(service: Service, asked: ChatRequest, kind: str) -> dict[str, Any]:
    model = service.options.model_id if asked.model in {None, "tgi"} else asked.model
    return {
        "object": kind,
        "id": "",
        "created": int(service.clock.now_ms() / 1000),
        "model": model,
        "system_fingerprint": service.options.fingerprint,
    }


def _logprobs(tokens: list[Token]) -> dict[str, Any]:
    return {
        "content": [
            {
                "token": each.text,
                "logprob": each.logprob,
                "top_logprobs": [{"token": top.text, "logprob": top.logprob} for top in each.top],
            }
            for each in tokens
        ]
    }


async def _stream(
    service: Service, request: web.Request, asked: ChatRequest, inputs: str, given: Parameters
) -> web.StreamResponse:
    head, times = _head(service, asked, "chat.completion.chunk"), Times()
    final: Final | None = None
    async with EventStream(request, len(inputs), service.options.keep_alive_s) as events:
        try:
            with service.permits(inputs):
                async with aclosing(service.answer(inputs, given, times)) as steps:
                    async for step in steps:
                        final = step.final
                        await events.send({**head, "choices": [_chunk(step, asked)], "usage": None})
            if final is not None and asked.usage_wanted:
                await events.send({**head, "choices": [], "usage": cost_of(final, times).usage()})
        except Refused as refused:
            await events.send(stream_error(refused))
        await events.done()
    return events.response


def _chunk(step: Step, asked: ChatRequest) -> dict[str, Any]:
    return {
        "index": 0,
        "delta": {"role": "assistant", "content": "" if step.token.special else step.token.text},
        "logprobs": _logprobs([step.token]) if asked.logprobs else None,
        "finish_reason": FINISH[step.final.finish_reason] if step.final else None,
    }


def stream_error(refused: Refused) -> dict[str, Any]:
    """The error event of the OpenAI-style routes: its status is 422 whatever went wrong."""
    return {"error": {"message": str(refused), "http_status_code": 422}}
