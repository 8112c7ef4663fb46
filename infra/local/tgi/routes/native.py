"""TGI's own routes: `/generate`, `/generate_stream`, `/`, and the cloud vendors' `/invocations` and `/vertex`."""

import asyncio
from contextlib import aclosing
from typing import Any

from aiohttp import web

from infra.local.tgi.cost import Times
from infra.local.tgi.errors import TgiRefusal
from infra.local.tgi.replies import json_reply
from infra.local.tgi.requests.bodies import decode, read
from infra.local.tgi.requests.wire import CompatRequest, GenerateRequest, Parameters, VertexRequest
from infra.local.tgi.service import Service, Whole
from infra.local.tgi.stream import EventStream
from infra.local.tgi.validation import check_best_of


async def generate(service: Service, request: web.Request) -> web.StreamResponse:
    """`POST /generate`."""
    asked = decode(await read(request, service.options.payload_limit_bytes), GenerateRequest)
    return await answer_whole(service, asked, full_text=False, as_list=False)


async def generate_stream(service: Service, request: web.Request) -> web.StreamResponse:
    """`POST /generate_stream`."""
    asked = decode(await read(request, service.options.payload_limit_bytes), GenerateRequest)
    return await answer_stream(service, request, asked, full_text=False)


async def compat(service: Service, request: web.Request) -> web.StreamResponse:
    """`POST /`: the text comes back with the prompt before it, in a list."""
    asked = decode(await read(request, service.options.payload_limit_bytes), CompatRequest)
    if asked.stream:
        return await answer_stream(service, request, asked, full_text=True)
    return await answer_whole(service, asked, full_text=True, as_list=True)


async def vertex(service: Service, request: web.Request) -> web.StreamResponse:
    """`POST /vertex`: several prompts, their texts."""
    asked = decode(await read(request, service.options.payload_limit_bytes), VertexRequest)
    answers = await asyncio.gather(*(_permitted(service, each) for each in asked.instances))
    return json_reply({"predictions": [each[0].final.generated_text for each in answers]})


async def answer_whole(
    service: Service, asked: GenerateRequest, *, full_text: bool, as_list: bool
) -> web.StreamResponse:
    """The answer in one piece, with its details if they were asked for."""
    given = asked.chosen()
    answers = await _permitted(service, asked)
    best = max(answers, key=_likelihood)
    body: dict[str, Any] = {"generated_text": _text(best, asked.inputs, given, full_text=full_text)}
    if given.details or given.decoder_input_details:
        body["details"] = await _details(service, best, asked.inputs, given)
        if len(answers) > 1:
            others = [each for each in answers if each is not best]
            body["details"]["best_of_sequences"] = [
                {
                    "generated_text": _text(each, asked.inputs, given, full_text=full_text),
                    **await _details(service, each, asked.inputs, given),
                }
                for each in others
            ]
    headers = best.cost.headers(len(asked.inputs))
    return json_reply([body] if as_list else body, headers=headers)


async def _permitted(service: Service, asked: GenerateRequest) -> list[Whole]:
    service.metrics.count("tgi_request_count")
    given = asked.chosen()
    best_of = check_best_of(given, service.options, stream=False)
    with service.permits(asked.inputs, best_of):
        return list(await asyncio.gather(*(service.whole(asked.inputs, given) for _ in range(best_of))))


def _likelihood(answer: Whole) -> float:
    return sum(each.logprob or 0.0 for each in answer.tokens) / len(answer.tokens)


def _text(answer: Whole, inputs: str, given: Parameters, *, full_text: bool) -> str:
    wanted = full_text if given.return_full_text is None else given.return_full_text
    return inputs + answer.final.generated_text if wanted else answer.final.generated_text


async def _details(service: Service, answer: Whole, inputs: str, given: Parameters) -> dict[str, Any]:
    """`details` of a whole answer."""
    details: dict[str, Any] = {
        "finish_reason": answer.final.finish_reason,
        "generated_tokens": answer.final.generated_tokens,
        "seed": answer.final.seed,
        "prefill": [],
        "tokens": [each.shown() for each in answer.tokens],
    }
    if given.decoder_input_details:
        pieces = (await service.engine.tokenize(inputs))[-answer.final.input_length :]
        logprobs = await service.engine.logprobs([each.id for each in pieces])
        details["prefill"] = [
            {"id": each.id, "text": each.text, "logprob": logprob}
            for each, logprob in zip(pieces, logprobs, strict=True)
        ]
    if given.top_n_tokens:
        details["top_tokens"] = [[top.shown() for top in each.top] for each in answer.tokens]
    return details


async def answer_stream(
    service: Service, request: web.Request, asked: GenerateRequest, *, full_text: bool
) -> web.StreamResponse:
    """The answer token by token; every refusal of TGI's own is an event of the stream."""
    given, inputs = asked.chosen(), asked.inputs
    service.metrics.count("tgi_request_count")
    async with EventStream(request, len(inputs), service.options.keep_alive_s) as events:
        try:
            check_best_of(given, service.options, stream=True)
            with service.permits(inputs):
                async with aclosing(service.answer(inputs, given, Times())) as steps:
                    async for step in steps:
                        event: dict[str, Any] = {"index": step.index, "token": step.token.shown()}
                        if given.top_n_tokens:
                            event["top_tokens"] = [each.shown() for each in step.token.top]
                        event["generated_text"] = event["details"] = None
                        if step.final is not None:
                            wanted = full_text if given.return_full_text is None else given.return_full_text
                            event["generated_text"] = (inputs if wanted else "") + step.final.generated_text
                            event["details"] = step.final.details() if given.details else None
                        await events.send(event)
        except TgiRefusal as refused:
            await events.send(refused.body())
    return events.response
