"""What OpenAI knows and we do not serve: refused by name, unless it asks for nothing. Pure."""

from typing import Any

from infra.errors import WrongField
from producers.prompts.bodies import MessageBody, PromptBody

# Fields of OpenAI's that we do not serve, and what else than null asks for nothing.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "response_format": ({"type": "text"},),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "parallel_tool_calls": (True, False),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "modalities": (["text"],),
    "audio": (),
    "prediction": (),
    "reasoning_effort": (),
    "verbosity": (),
    "web_search_options": (),
    "store": (False,),
    "service_tier": ("auto", "default"),
}
_NEUTRAL_IN_MESSAGE: dict[str, tuple[Any, ...]] = {
    "refusal": ("",),
    "audio": (),
    "annotations": ([],),
    "tool_calls": ([],),
    "function_call": (),
}


def refuse(asked: PromptBody) -> None:
    """Let a body pass that asks for nothing we do not serve.

    Raises:
        WrongField: names it.
    """
    for name, neutral in _NEUTRAL.items():
        value = getattr(asked, name)
        if value is not None and not _is_one_of(value, neutral):
            raise WrongField(f"{name} is not supported here.", name)
    if asked.n not in {None, 1}:
        raise WrongField("n: only one answer is given to a prompt.", "n")


def refuse_in_message(where: str, message: MessageBody) -> None:
    """The same for one message, which stands at `where`.

    Raises:
        WrongField: names it.
    """
    for name, neutral in _NEUTRAL_IN_MESSAGE.items():
        value = getattr(message, name)
        if value is not None and not _is_one_of(value, neutral):
            raise WrongField(f"{where}.{name} is not supported here.", f"{where}.{name}")


def _is_one_of(value: Any, neutral: tuple[Any, ...]) -> bool:
    # 0 == False in Python, but not in JSON.
    return any(value == each and type(value) is type(each) for each in neutral)
