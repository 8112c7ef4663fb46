"""`/v1/chat/completions`, whole and streamed, and `/invocations`, which takes any of the three forms."""

from contextlib import aclosing

from aiohttp import web

from infra.local.tgi.answer import Final
from infra.local.tgi.cost import Times, cost_of
from infra.local.tgi.errors import TgiRefusal
from infra.local.tgi.replies import json_reply
from infra.local.tgi.requests.bodies import decode, decode_any, read
from infra.local.tgi.requests.wire import ChatRequest, CompletionRequest, Parameters, Tool
from infra.local.tgi.routes import completions, native
from infra.local.tgi.routes.chat_shapes import call_chunk, choice, head, parameters, stream_error, text_chunk
from infra.local.tgi.service import Service
from infra.local.tgi.stream import EventStream
from infra.local.tgi.tools import call_grammar, call_of, cut_call_of, offered, stream_id


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
    """The assistant's next message.

    Raises:
        TgiRefusal: the tools or the template do not fit; and if it is no stream, everything else that may be refused.
    """
    service.metrics.count("tgi_request_count")
    tools = offered(asked)
    inputs = service.templated(asked, tools)
    service.metrics.count("tgi_request_count")
    if asked.stream:
        return await _stream(service, request, asked, tools, inputs)
    with service.permits(inputs):
        made = await service.whole(inputs, _parameters(asked, tools))
        call = None if tools is None else call_of(made.final.generated_text)
        if tools is not None and call is None:
            inputs = service.templated(asked, None)
            made = await service.whole(inputs, parameters(asked, None))
    body = {
        **head(service, asked, "chat.completion"),
        "choices": [choice(made, asked, call)],
        "usage": made.cost.usage(),
    }
    return json_reply(body, headers=made.cost.headers(len(inputs)))


def _parameters(asked: ChatRequest, tools: list[Tool] | None) -> Parameters:
    return parameters(asked, asked.response_format if tools is None else call_grammar(tools))


async def _stream(
    service: Service, request: web.Request, asked: ChatRequest, tools: list[Tool] | None, inputs: str
) -> web.StreamResponse:
    async with EventStream(request, len(inputs), service.options.keep_alive_s) as events:
        try:
            with service.permits(inputs):
                if tools is None:
                    await _stream_text(service, events, asked, inputs)
                elif not await _stream_call(service, events, asked, tools, inputs):
                    await _stream_text(service, events, asked, service.templated(asked, None))
        except TgiRefusal as refused:
            await events.send(stream_error(refused))
        await events.done()
    return events.response


async def _stream_text(service: Service, events: EventStream, asked: ChatRequest, inputs: str) -> None:
    start, times = head(service, asked, "chat.completion.chunk"), Times()
    final: Final | None = None
    async with aclosing(service.answer(inputs, parameters(asked, asked.response_format), times)) as steps:
        async for step in steps:
            final = step.final
            await events.send({**start, "choices": [text_chunk(step, asked)], "usage": None})
    if final is not None and asked.usage_wanted:
        await events.send({**start, "choices": [], "usage": cost_of(final, times).usage()})


async def _stream_call(
    service: Service, events: EventStream, asked: ChatRequest, tools: list[Tool], inputs: str
) -> bool:
    """Send the call in pieces once it is known whole; False if the model chose no tool.

    An answer that was cut, or is no call, ends the stream without a word, as TGI's does.
    """
    start, number = head(service, asked, "chat.completion.chunk"), stream_id(asked)
    made = await service.whole(inputs, _parameters(asked, tools))
    text = made.final.generated_text
    try:
        call = call_of(text)
        if call is None:
            return False
    except TgiRefusal:
        call = cut_call_of(text)
    if call is not None:
        for name, arguments in ((call.name, call.arguments[:1]), (None, call.arguments[1:])):
            chunk = call_chunk(number, name, arguments)
            await events.send({**start, "choices": [chunk], "usage": None})
    return True
