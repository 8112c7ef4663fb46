"""`/v1/completions`: one prompt or several, whole and streamed."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from typing import Any

from aiohttp import web

from infra.local.tgi.answer import Step
from infra.local.tgi.cost import Times, cost_of
from infra.local.tgi.errors import TgiRefusal
from infra.local.tgi.replies import json_reply
from infra.local.tgi.requests.bodies import decode, read
from infra.local.tgi.requests.wire import CompletionRequest, Parameters
from infra.local.tgi.routes.chat_shapes import FINISH, stream_error
from infra.local.tgi.service import Service, Whole
from infra.local.tgi.stream import EventStream


async def completions(service: Service, request: web.Request) -> web.StreamResponse:
    """`POST /v1/completions`."""
    asked = decode(await read(request, service.options.payload_limit_bytes), CompletionRequest)
    return await answer_completions(service, request, asked)


async def answer_completions(service: Service, request: web.Request, asked: CompletionRequest) -> web.StreamResponse:
    """The text that follows each prompt."""
    service.metrics.count("tgi_request_count")
    _check(service, asked)
    given = _parameters(asked)
    for _ in asked.prompts:
        service.metrics.count("tgi_request_count")
    if asked.stream:
        return await _stream(service, request, asked, given)
    with service.permits(asked.prompts[0], len(asked.prompts)):
        made = await _all(service, asked.prompts, given)
    choices = [
        {
            "index": index,
            "text": each.final.generated_text,
            "logprobs": None,
            "finish_reason": FINISH[each.final.finish_reason],
        }
        for index, each in made
    ]
    cost = made[0][1].cost
    for _, each in made[1:]:
        cost += each.cost
    body = {**_head(service), "choices": choices, "usage": cost.usage()}
    return json_reply(body, headers=cost.headers(sum(map(len, asked.prompts)), compute_time=False))


def _check(service: Service, asked: CompletionRequest) -> None:
    if asked.suffix is not None:
        raise TgiRefusal(
            422, "Suffix is not supported and can be achieved by preprocessing the prompt.", "suffix not supported"
        )
    most = service.options.max_client_batch_size
    if len(asked.prompts) > most:
        raise TgiRefusal(
            422, f"Number of prompts exceeds the maximum allowed batch size of {most}", "batch size exceeded"
        )


def _parameters(asked: CompletionRequest) -> Parameters:
    greedy = asked.temperature == 0.0
    return Parameters(
        temperature=None if greedy else asked.temperature,
        repetition_penalty=asked.repetition_penalty,
        frequency_penalty=asked.frequency_penalty,
        top_p=asked.top_p,
        do_sample=not greedy,
        max_new_tokens=asked.max_tokens,
        stop=asked.stop or [],
        details=True,
        seed=asked.seed,
    )


async def _all(service: Service, prompts: list[str], given: Parameters) -> list[tuple[int, Whole]]:
    """Every prompt's answer in order of completion; one that fails stops the others."""
    made: list[tuple[int, Whole]] = []

    async def one(index: int, prompt: str) -> None:
        made.append((index, await service.whole(prompt, given)))

    try:
        async with asyncio.TaskGroup() as group:
            for index, prompt in enumerate(prompts):
                group.create_task(one(index, prompt))
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return made


def _head(service: Service) -> dict[str, Any]:
    return {
        "object": "text_completion",
        "id": "",
        "created": int(service.clock.now_ms() / 1000),
        "model": service.options.model_id,
        "system_fingerprint": service.options.fingerprint,
    }


async def _stream(
    service: Service, request: web.Request, asked: CompletionRequest, given: Parameters
) -> web.StreamResponse:
    """Events of several prompts take turns, one each: the slowest sets the pace."""
    head = _head(service)
    async with EventStream(request, sum(map(len, asked.prompts)), service.options.keep_alive_s) as events:
        try:
            with service.permits(asked.prompts[0], len(asked.prompts)):
                async with AsyncExitStack() as stack:
                    running = []
                    for index, prompt in enumerate(asked.prompts):
                        times = Times()
                        steps = await stack.enter_async_context(aclosing(service.answer(prompt, given, times)))
                        running.append((index, steps, times))
                    await _take_turns(events, head, running)
        except TgiRefusal as refused:
            await _tell(events, refused)
        await events.done()
    return events.response


async def _take_turns(
    events: EventStream, head: dict[str, Any], running: list[tuple[int, AsyncGenerator[Step, None], Times]]
) -> None:
    while running:
        going = []
        for index, steps, times in running:
            try:
                step = await anext(steps)
            except TgiRefusal as refused:
                await _tell(events, refused)
                continue
            await events.send(_event(head, index, step, times))
            if step.final is None:
                going.append((index, steps, times))
        running = going


def _event(head: dict[str, Any], index: int, step: Step, times: Times) -> dict[str, Any]:
    choice = {"index": index, "text": step.token.text, "logprobs": None}
    if step.final is None:  # of another type in TGI, whose fields stand in another order
        model = {name: head[name] for name in ("model", "system_fingerprint")}
        start = {name: head[name] for name in ("object", "id", "created")}
        return {**start, "choices": [{**choice, "finish_reason": ""}], **model}
    usage = cost_of(step.final, times).usage()
    return {**head, "choices": [{**choice, "finish_reason": step.final.finish_reason}], "usage": usage}


async def _tell(events: EventStream, refused: TgiRefusal) -> None:
    await events.send(stream_error(refused))
