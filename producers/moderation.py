"""Moderation: an operator's hook judges prompts before they are let in, and answers before anybody sees them."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from infra import hooks
from infra.errors import Unavailable
from infra.hooks import Hook
from producers.events import Choice, JobError, Message, PromptSubmitted
from producers.settings import ModerationSettings

log = logging.getLogger(__name__)

REFUSED: Final = "content_filter"


class _Verdict(msgspec.Struct, frozen=True):
    """What a hook says: true or false, or an object with these."""

    allowed: bool
    reason: str = ""


@dataclass(frozen=True)
class Allowed:
    """Nothing speaks against it, or the hook failed and is to be passed over then."""


@dataclass(frozen=True)
class Refused:
    """It must not be; the reason may be told to the client."""

    reason: str

    @property
    def of_prompt(self) -> JobError:
        """What is told of a prompt that is refused."""
        return JobError(self._told("prompt was"), "invalid_request_error", "messages", REFUSED)

    @property
    def of_items(self) -> str:
        """What is told of items that are refused."""
        return self._told("items were")

    @property
    def of_texts(self) -> str:
        """What is told of texts that are refused."""
        return self._told("input was")

    def _told(self, what: str) -> str:
        why = f": {self.reason}" if self.reason else ""
        return f"The {what} refused by moderation{why}."


Judgement = Allowed | Refused


class Moderator:
    """Asks the hooks of the settings; without one everything is allowed."""

    def __init__(self, settings: ModerationSettings) -> None:
        self._settings = settings
        self._of_prompts = hooks.hook(settings.prompts) if settings.prompts else None
        self._of_answers = hooks.hook(settings.answers) if settings.answers else None

    @property
    def judges_prompts(self) -> bool:
        """Whether anybody is asked about prompts."""
        return self._of_prompts is not None

    @property
    def judges_answers(self) -> bool:
        """Whether answers are to be held back until they are judged."""
        return self._of_answers is not None

    async def judge_prompt(self, prompt: PromptSubmitted) -> Judgement:
        """Whether a prompt may be let in.

        Raises:
            Unavailable: the hook failed, and what is not judged must not be.
        """
        return Allowed() if self._of_prompts is None else await self._ask(self._of_prompts, _about("prompt", prompt))

    async def judge_items(
        self, messages: tuple[Message, ...], conversation: str, tenant: str, key_id: str
    ) -> Judgement:
        """Whether messages may be put into a conversation, where later turns are read with them.

        Raises:
            Unavailable: the hook failed, and what is not judged must not be.
        """
        if self._of_prompts is None:
            return Allowed()
        question = {"stage": "items", "conversation": conversation, "tenant": tenant, "key_id": key_id}
        return await self._ask(self._of_prompts, {**question, "messages": _told(messages)})

    async def judge_texts(
        self, texts: Sequence[str], embeddings_id: str, model: str, tenant: str, key_id: str
    ) -> Judgement:
        """Whether texts may be embedded.

        Raises:
            Unavailable: the hook failed, and what is not judged must not be.
        """
        if self._of_prompts is None:
            return Allowed()
        whose = {"embeddings_id": embeddings_id, "tenant": tenant, "key_id": key_id, "model": model}
        messages = [{"role": "user", "content": each} for each in texts]
        return await self._ask(self._of_prompts, {"stage": "embeddings", **whose, "messages": messages})

    async def judge_choices(self, prompt: PromptSubmitted, choices: tuple[Choice, ...]) -> tuple[Choice, ...]:
        """The choices of an answer, each that is refused without its content.

        Raises:
            Unavailable: the hook failed, and what is not judged must not be.
        """
        of_answers = self._of_answers
        if of_answers is None:
            return choices
        asked = (self._ask(of_answers, {**_about("answer", prompt), **_content(each)}) for each in choices)
        judgements = await asyncio.gather(*asked)
        return tuple(
            Choice(finish_reason=REFUSED) if isinstance(judged, Refused) else each
            for each, judged in zip(choices, judgements, strict=True)
        )

    async def close(self) -> None:
        """Let go of the hooks."""
        for each in (self._of_prompts, self._of_answers):
            if each is not None:
                await each.close()

    async def _ask(self, hook: Hook, question: dict[str, Any]) -> Judgement:
        try:
            said = await hooks.asked(hook, question, self._settings.timeout_s)
            verdict = _verdict(said)
        except (Unavailable, msgspec.ValidationError) as error:
            log.warning("moderation failed: %s", error, extra={"job_id": question.get("job_id")})
            if self._settings.fail_open:
                return Allowed()
            raise Unavailable("moderation", "what must be judged cannot be judged just now") from error
        return Allowed() if verdict.allowed else Refused(verdict.reason)


def _verdict(said: Any) -> _Verdict:
    return _Verdict(said) if isinstance(said, bool) else msgspec.convert(said, _Verdict)


def _about(stage: str, prompt: PromptSubmitted) -> dict[str, Any]:
    """What a hook is told: all that the prompt adds to what the model reads; of a conversation the turn alone."""
    first = () if prompt.instructions is None else (Message("system", prompt.instructions),)
    return {
        "stage": stage,
        "job_id": prompt.job_id,
        "tenant": prompt.tenant,
        "key_id": prompt.key_id,
        "model": prompt.model,
        "metadata": prompt.metadata,
        "messages": _told((*first, *prompt.messages)),
        "tools": msgspec.to_builtins(prompt.tools),
        "format": msgspec.to_builtins(prompt.format),
    }


def _told(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(each) for each in messages]


def _content(choice: Choice) -> dict[str, Any]:
    return {"text": choice.text, "tool_calls": [msgspec.to_builtins(each) for each in choice.tool_calls]}
