"""A whole answer at once, for the routes that do not stream."""

from contextlib import aclosing
from dataclasses import dataclass

from infra.errors import OurFault
from infra.local.tgi.answer import Final
from infra.local.tgi.engine import Token
from infra.local.tgi.replies import Cost, cost_of
from infra.local.tgi.service import Service, Times
from infra.local.tgi.wire import Parameters


@dataclass(frozen=True)
class Whole:
    """An answer with its tokens and its cost."""

    final: Final
    tokens: list[Token]
    cost: Cost


async def whole(service: Service, inputs: str, given: Parameters) -> Whole:
    """Generate to the end; needs a permit.

    Raises:
        Refused: a value is wrong, or the engine failed.
    """
    times = Times()
    tokens: list[Token] = []
    final: Final | None = None
    async with aclosing(service.answer(inputs, given, times)) as steps:
        async for step in steps:
            tokens.append(step.token)
            final = step.final
    if final is None:
        raise OurFault("an answer ended without its final step")
    return Whole(final, tokens, cost_of(final, times))
