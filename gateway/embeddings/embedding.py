"""Texts are embedded for somebody: held against the key and its tenant, made, booked, and told in the log."""

from contextlib import suppress
from dataclasses import dataclass, replace

from aiohttp import web

from gateway.embeddings.asking import TextsAsked
from gateway.embeddings.server import Embedded, EmbeddingServer
from infra.errors import Unavailable, WrongField
from producers.events import KeyIssued, Limits, TextsEmbedded
from producers.jobs.intake import Intake, OverQuota
from producers.limits import spending
from producers.limits.standing import Stands
from producers.log.outgoing import Pen
from producers.log.topics import EMBEDDINGS as TOPIC
from producers.moderation import REFUSED, Moderator, Refused


@dataclass(frozen=True)
class Payer:
    """Against whom it counts: a key, and its tenant's limits."""

    key: KeyIssued
    of_tenant: Limits

    @property
    def names(self) -> tuple[str, str]:
        """Of the key and the tenant."""
        return self.key.id, self.key.tenant


@dataclass(frozen=True)
class Call:
    """As what it stands in the log: the same id at the same time is counted once."""

    id: str
    at_ms: float
    traceparent: str | None = None


@dataclass(frozen=True)
class Paid:
    """The vectors, and how the key stands now."""

    found: Embedded
    stands: Stands


class Embeddings:
    """Embeds for clients and for the lines of their batches alike."""

    def __init__(self, server: EmbeddingServer, intake: Intake, moderator: Moderator, pen: Pen) -> None:
        self._server = server
        self._intake = intake
        self._moderator = moderator
        self._pen = pen

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the server's models."""
        return self._server.models

    async def embed(self, asked: TextsAsked, payer: Payer, call: Call, *, aside: bool = False) -> Paid | OverQuota:
        """The vectors of texts: what they may take is held back before, what they took is booked and told in the log.

        In between they are judged: what limits refuse costs no judgement. With `aside` whoever waits goes first.

        Raises:
            WrongField: moderation refuses them, or the server does not take one of them.
            Unavailable: a part does not answer; what is held back returns, at once or by itself.
        """
        held = spending.estimate("".join(asked.texts))
        stands = await self._hold(payer, call, held)
        if isinstance(stands, OverQuota):
            return stands
        try:
            await self._must_be_allowed(asked, payer, call)
            found = await self._server.embed(asked.texts, asked.dimensions, aside=aside)
            # Who does not count is believed to have taken what was held back.
            found = replace(found, tokens=found.tokens or held)
            # More than was held back is only for who has room for it: asked before the log tells that it was used.
            stands = await self._hold(payer, call, found.tokens)
            if isinstance(stands, OverQuota):
                await self._give_back(call)
                return stands
            await self._tell(asked, found, payer, call)
        except BaseException:
            await self._give_back(call)
            raise
        return Paid(found, stands)

    async def again(self, asked: TextsAsked, payer: Payer, tokens: int) -> Paid | OverQuota:
        """The vectors of texts that were judged and paid for before: of the minute they take as many tokens as then.

        They give way to others, for their client was told them once; and no day makes more again than it may take.

        Raises:
            Unavailable: a part does not answer.
        """
        stands = await self._intake.make_again(payer.names, tokens, payer.key.limits, payer.of_tenant)
        if isinstance(stands, OverQuota):
            return stands
        try:
            found = await self._server.embed(asked.texts, asked.dimensions, aside=True)
        except Exception:  # who hangs up gets nothing back: the server may have done it all
            with suppress(Unavailable):
                await self._intake.make_again(payer.names, -tokens, payer.key.limits, payer.of_tenant)
            raise
        return Paid(replace(found, tokens=tokens or found.tokens), stands)

    async def _must_be_allowed(self, asked: TextsAsked, payer: Payer, call: Call) -> None:
        judged = await self._moderator.judge_texts(asked.texts, call.id, asked.model, payer.key.tenant, payer.key.id)
        if isinstance(judged, Refused):
            raise WrongField(judged.of_texts, "input", code=REFUSED)

    async def _tell(self, asked: TextsAsked, found: Embedded, payer: Payer, call: Call) -> None:
        told = TextsEmbedded(
            embeddings_id=call.id, tenant=payer.key.tenant, key_id=payer.key.id, model=asked.model,
            texts=len(asked.texts), tokens=found.tokens, at_ms=call.at_ms,
        )  # fmt: skip
        await self._pen.publish(TOPIC, call.id, told, call.traceparent)

    async def _hold(self, payer: Payer, call: Call, tokens: int) -> Stands | OverQuota:
        return await self._intake.hold_tokens(call.id, payer.names, tokens, payer.key.limits, payer.of_tenant)

    async def _give_back(self, call: Call) -> None:
        with suppress(Unavailable):  # it returns by itself
            await self._intake.give_back_tokens(call.id)


EMBEDDINGS = web.AppKey("embeddings", Embeddings)
