"""Body of a response to PromptSubmitted: the same prompt as a chat completion's, said in other words. Pure."""

import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from infra.errors import WrongField
from producers.conversations.shown import result_without_call
from producers.destinations import Policy
from producers.events import AnswerCompleted, JobError, Message, PromptSubmitted, ResponseTerms, Sampling
from producers.prompts import bounds, items, kinds, reading, tools, unserved, weighing
from producers.prompts.bodies import (
    AllowedTools,
    FormatBody,
    FunctionBody,
    NameBody,
    NamedTool,
    PromptBody,
    SchemaBody,
    ToolBody,
    ToolReference,
)
from producers.prompts.items import ItemBody
from producers.prompts.reading import Envelope
from producers.prompts.response_bodies import ResponseBody, ResponseChoice, ResponseTool
from producers.settings import PromptSettings

LOGPROBS: Final = "message.output_text.logprobs"
NEUTRAL: Final[dict[str, tuple[Any, ...]]] = {
    "reasoning": ({}, {"effort": "none"}),
    "max_tool_calls": (),
    "prompt": (),
    "moderation": (),
    "context_management": ([],),
    "background_options": ({},),
    "prompt_cache_options": unserved.NEUTRAL["prompt_cache_options"],
    "access_programs": ({},),
    "image": (),
}
NEUTRAL_IN_TOOL: Final[dict[str, tuple[Any, ...]]] = {
    "allowed_callers": (["direct"],),
    "defer_loading": (False,),
    "output_schema": (),
    "async_": (False,),
}
_IN_OUR_WORDS: Final = (
    (re.compile(r"^messages$"), "input"),
    (re.compile(r"^messages\[\d+\]\.tool_call_id"), "input"),
    (re.compile(r"^max_completion_tokens$"), "max_output_tokens"),
    (re.compile(r"^response_format\.json_schema"), "text.format"),
    (re.compile(r"^response_format"), "text.format"),
    (re.compile(r"^tools\[(\d+)\]\.function"), r"tools[\1]"),
    (re.compile(r"^tool_choice\.allowed_tools"), "tool_choice"),
)
"""A field of a chat completion's as it is called here."""


@dataclass(frozen=True)
class ResponseWish:
    """How the response is wanted; the prompt itself does not depend on it."""

    stream: bool = False
    background: bool = False


def read(
    body: bytes, envelope: Envelope, settings: PromptSettings, policy: Policy
) -> tuple[PromptSubmitted, ResponseWish]:
    """The prompt that a body asks to answer; that of `previous_response_id` is not in it yet.

    Raises:
        WrongField: names it, as this body calls it.
    """
    asked = kinds.read(ResponseBody, body, kinds.IN_RESPONSES)
    unserved.refuse_all(asked, NEUTRAL)
    _refuse_together(asked)
    terms, messages = _terms(asked), _messages(asked.input)
    try:
        prompt = reading.prompt_of(
            _as_chat(asked), body, envelope, settings, policy, messages, follows=terms.previous is not None
        )
    except WrongField as error:
        raise _in_our_words(error) from None
    sampling = msgspec.structs.replace(prompt.sampling, top_logprobs=_top_logprobs(asked, prompt.sampling))
    instructions = bounds.short("instructions", asked.instructions, settings.body_limit_bytes)
    prompt = msgspec.structs.replace(prompt, sampling=sampling, instructions=instructions, response=terms)
    return reading.weighed(prompt, settings), ResponseWish(bool(asked.stream), terms.background)


def _refuse_together(asked: ResponseBody) -> None:
    if asked.background and asked.store is False:
        raise WrongField("background: true needs store: true, or nobody could ask for it.", "store")
    if asked.previous_response_id is not None and asked.conversation is not None:
        raise WrongField("previous_response_id and conversation exclude each other.", "previous_response_id")
    if asked.text is not None and asked.text.verbosity not in {None, "medium"}:
        raise WrongField("text.verbosity is not supported here.", "text.verbosity")
    for each in asked.include or ():
        if each != LOGPROBS:
            raise WrongField(f"include: only {LOGPROBS} is there to be included.", "include")


def _terms(asked: ResponseBody) -> ResponseTerms:
    return ResponseTerms(
        background=bool(asked.background),
        store=asked.store is not False,
        previous=bounds.short("previous_response_id", asked.previous_response_id),
        tool_choice=_choice(asked.tool_choice),
        parallel_tool_calls=asked.parallel_tool_calls is not False,
    )


def _choice(choice: str | ResponseChoice | None) -> str | dict[str, str]:
    if not isinstance(choice, ResponseChoice):
        return "auto" if choice is None else choice
    # Of the tools, only those are kept that are allowed.
    return choice.mode or "auto" if choice.name is None else {"type": choice.type, "name": choice.name}


def _as_chat(asked: ResponseBody) -> PromptBody:
    """The same as a chat completion says it."""
    weighing.refuse_too_many("tools", asked.tools, tools.MOST_TOOLS)
    of_route = "standard" if asked.background else "interactive"
    conversation = asked.conversation if isinstance(asked.conversation, str | None) else asked.conversation.id
    return PromptBody(
        model=asked.model,
        max_completion_tokens=asked.max_output_tokens,
        temperature=asked.temperature,
        top_p=asked.top_p,
        response_format=_format(asked),
        tools=None if asked.tools is None else [_tool(f"tools[{at}]", each) for at, each in enumerate(asked.tools)],
        tool_choice=_named(asked.tool_choice) if asked.tools or asked.tool_choice != "auto" else None,
        parallel_tool_calls=asked.parallel_tool_calls,
        service_tier=asked.service_tier,
        user=asked.user,
        safety_identifier=asked.safety_identifier,
        prompt_cache_key=asked.prompt_cache_key,
        metadata=asked.metadata,
        conversation=conversation,
        truncation="disabled" if asked.truncation is None else asked.truncation,
        lane=of_route if asked.lane is None else asked.lane,
        deadline=asked.deadline,
        cache=asked.cache,
        webhook=asked.webhook,
    )


def _top_logprobs(asked: ResponseBody, sampling: Sampling) -> int | None:
    most = bounds.within("top_logprobs", asked.top_logprobs, 0, reading.MOST_TOP_LOGPROBS)
    return (most or 0) if most or LOGPROBS in (asked.include or ()) else sampling.top_logprobs


def _format(asked: ResponseBody) -> FormatBody | None:
    form = None if asked.text is None else asked.text.format
    if form is None:
        return None
    if form.type != "json_schema":
        return FormatBody(type=form.type)
    schema = SchemaBody(name=form.name or "", schema=form.schema, description=form.description, strict=form.strict)
    return FormatBody(type=form.type, json_schema=schema)


def _tool(where: str, tool: ResponseTool) -> ToolBody:
    unserved.refuse_all(tool, NEUTRAL_IN_TOOL, where)
    if tool.type == "function" and tool.name is None:
        raise WrongField(f"{where}.name is missing.", f"{where}.name")
    function = FunctionBody(
        name=tool.name or "", description=tool.description, parameters=tool.parameters, strict=tool.strict
    )
    return ToolBody(type=tool.type, function=function)


def _named(choice: str | ResponseChoice | None) -> str | NamedTool | None:
    if not isinstance(choice, ResponseChoice):
        return choice
    if choice.type == "allowed_tools":
        references = [ToolReference(type=each.type, function=NameBody(name=each.name)) for each in choice.tools or ()]
        mode = "auto" if choice.mode is None else choice.mode
        return NamedTool(type=choice.type, allowed_tools=AllowedTools(mode=mode, tools=references))
    return NamedTool(type=choice.type, function=NameBody(name=choice.name or ""))


def _messages(given: str | list[ItemBody] | None) -> tuple[Message, ...]:
    if given is None or given == []:
        raise WrongField("input is missing.", "input")
    if isinstance(given, str):
        return (Message("user", given),)
    weighing.refuse_too_many("input", given, weighing.MOST_MESSAGES)
    return items.messages_of(given, "input")


def _in_our_words(error: WrongField) -> WrongField:
    field = error.field or ""
    ours = _our_word(field)
    return error if ours == field else WrongField(str(error).replace(field, ours), ours, code=error.code)


def _our_word(field: str) -> str:
    for theirs, ours in _IN_OUR_WORDS:
        if theirs.search(field):
            return theirs.sub(ours, field)
    return field


def in_its_words(error: JobError, prompt: PromptSubmitted) -> JobError:
    """Why a prompt has no answer, its field called as the body called it that the prompt came in."""
    if prompt.response is None or error.param is None:
        return error
    return msgspec.structs.replace(error, param=_our_word(error.param))


def continued(prompt: PromptSubmitted, previous: AnswerCompleted, settings: PromptSettings) -> PromptSubmitted:
    """The prompt behind all that the response before it was shown and answered; not behind its instructions.

    Raises:
        WrongField: it holds an output of no call.
    """
    choice = previous.drawn[0]
    answer = Message("assistant", choice.text, tool_calls=choice.tool_calls)
    before = (*previous.history, *previous.prompt.messages, answer)
    if result_without_call(before, prompt.messages) is not None:
        raise WrongField("input: an output must be that of a function_call before it that has no output yet.", "input")
    return reading.weighed(msgspec.structs.replace(prompt, messages=(*before, *prompt.messages)), settings)
