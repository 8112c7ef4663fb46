"""One generation from arrival to end: permit, values, tokens, metrics; the routes only give it a face."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from time import perf_counter

from infra.clock import Clock
from infra.errors import OurFault
from infra.local.tgi.answer import Answer, Final, Step
from infra.local.tgi.cost import Cost, Times, cost_of
from infra.local.tgi.engine import Ask, Engine, Token
from infra.local.tgi.errors import EngineFailed, TgiRefusal, generation_failed, overloaded
from infra.local.tgi.grammar import check
from infra.local.tgi.metrics import Metrics
from infra.local.tgi.options import Options
from infra.local.tgi.requests.wire import ChatRequest, Parameters, Tool
from infra.local.tgi.template import ChatTemplate
from infra.local.tgi.validation import check_length, check_values, constraint, samples, sampling


@dataclass(frozen=True)
class Whole:
    """An answer with its tokens and its cost."""

    final: Final
    tokens: list[Token]
    cost: Cost


@dataclass
class Service:
    """What every route works with."""

    options: Options
    engine: Engine
    clock: Clock
    metrics: Metrics
    template: ChatTemplate
    permits_taken: int = 0

    @contextmanager
    def permits(self, inputs: str, count: int = 1) -> Iterator[None]:
        """Hold so many permits; there is no waiting for them.

        Raises:
            TgiRefusal: all are taken.
        """
        free = self.options.max_concurrent_requests - self.permits_taken
        if count > free or not self.engine.admit(inputs):
            self.metrics.failed("overloaded")
            raise overloaded()
        self.permits_taken += count
        try:
            yield
        finally:
            self.permits_taken -= count

    def templated(self, asked: ChatRequest, tools: list[Tool] | None) -> str:
        """The prompt of a conversation.

        Raises:
            TgiRefusal: the template does not take it.
        """
        try:
            return self.template.render(asked, tools)
        except TgiRefusal:
            if not self.template.missing:  # TGI counts a model without one nowhere
                self.metrics.failed("template")
            raise

    async def answer(self, inputs: str, given: Parameters, times: Times) -> AsyncGenerator[Step, None]:
        """The answer, token by token; needs a permit. Closing it early counts as dropped.

        Raises:
            TgiRefusal: a value is wrong, or the engine failed.
        """
        final: Final | None = None
        last: Step | None = None
        try:
            ask, answer = await self._prepare(inputs, given)
            times.validated_s = perf_counter()
            with self._in_engine(times) as start:
                async with aclosing(self.engine.generate(ask, start)) as tokens:
                    async for token in tokens:
                        last = answer.add(token)
                        if last.final is not None:
                            break
                        yield last
                if last is None or last.final is None:
                    raise EngineFailed("the engine ended without an end")
                final = last.final
            self._succeeded(final, given, times)
            yield last
        except (asyncio.CancelledError, GeneratorExit):
            if final is None:
                self.metrics.failed("dropped")
            raise
        except EngineFailed as error:
            self.metrics.failed("generation")
            raise generation_failed(str(error)) from None
        except TgiRefusal as refused:
            self.metrics.failed(refused.error_type)
            raise

    async def whole(self, inputs: str, given: Parameters) -> Whole:
        """The answer at once, for the routes that do not stream; needs a permit.

        Raises:
            TgiRefusal: a value is wrong, or the engine failed.
        """
        times = Times()
        tokens: list[Token] = []
        final: Final | None = None
        async with aclosing(self.answer(inputs, given, times)) as steps:
            async for step in steps:
                tokens.append(step.token)
                final = step.final
        if final is None:
            raise OurFault("an answer ended without its final step")
        return Whole(final, tokens, cost_of(final, times))

    async def _prepare(self, inputs: str, given: Parameters) -> tuple[Ask, Answer]:
        check_values(given, inputs, self.options)
        form = constraint(given.grammar, self.options)
        if form is not None:
            await asyncio.to_thread(check, form)
        pieces = await self.engine.tokenize(inputs)
        if given.truncate is not None and len(pieces) > given.truncate:
            pieces = pieces[-given.truncate :]
            inputs = inputs.encode()[pieces[0].start :].decode(errors="ignore")
        limit = check_length(given, len(pieces), self.options)
        seed = secrets.randbits(64) if given.seed is None else given.seed
        ask = Ask(
            inputs=inputs,
            ids=tuple(each.id for each in pieces),
            max_new_tokens=limit,
            sampling=sampling(given, seed),
            given_seed=given.seed,
            top_n_tokens=given.top_n_tokens or 0,
            constraint=form,
        )
        shown_seed = seed if samples(given) else None
        return ask, Answer(stop=given.stop, max_new_tokens=limit, seed=shown_seed, input_length=len(pieces))

    @contextmanager
    def _in_engine(self, times: Times) -> Iterator["_Started"]:
        """Keep the gauges of queue and batch right, however the generation ends."""
        started = _Started(self.metrics, times)
        self.metrics.move("tgi_queue_size", 1)
        try:
            yield started
        finally:
            self.metrics.move("tgi_batch_current_size" if times.started_s else "tgi_queue_size", -1)

    def _succeeded(self, final: Final, given: Parameters, times: Times) -> None:
        times.ended_s = perf_counter()
        inference_s = times.ended_s - times.started_s
        limit = given.max_new_tokens or self.options.max_total_tokens
        self.metrics.count("tgi_request_success")
        for name, value in (
            ("duration", times.ended_s - times.arrived_s),
            ("validation_duration", times.validated_s - times.arrived_s),
            ("queue_duration", times.started_s - times.validated_s),
            ("inference_duration", inference_s),
            ("mean_time_per_token_duration", inference_s / final.generated_tokens),
            ("generated_tokens", final.generated_tokens),
            ("input_length", final.input_length),
            ("max_new_tokens", limit),
        ):
            self.metrics.observe(f"tgi_request_{name}", value)


@dataclass
class _Started:
    """Called by the engine when the generation leaves the queue."""

    metrics: Metrics
    times: Times

    def __call__(self) -> None:
        self.times.started_s = perf_counter()
        self.metrics.move("tgi_queue_size", -1)
        self.metrics.move("tgi_batch_current_size", 1)
