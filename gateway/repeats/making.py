"""What a request makes, as its handler is given it: once for its Idempotency-Key, and each time anew without one."""

from typing import Final

from aiohttp import web

from gateway.http import problems
from gateway.http.problems import Problem
from infra.clock import Clock
from infra.ids import derived_id, new_id
from producers.events import Idempotency
from producers.idempotency.once import Answered, Begun, Once

REPLAYED: Final = "Idempotent-Replayed"
_BY_ITS_HANDLER: Final = "by its handler"


class Making:
    """One request's: `request[MAKING]` of every POST that makes something."""

    def __init__(self, clock: Clock, once: Once, found: Begun | Answered | None = None) -> None:
        self._clock = clock
        self._once = once
        self._begun = found if isinstance(found, Begun) else None
        self.earlier = found if isinstance(found, Answered) else None
        """What was answered before, where its handler must tell it: it reads in pieces, or made a `note`."""
        self.kept: bytes | None = None
        self.digest = ""
        self.is_told_again = False
        """Whether the response says what an earlier one said."""

    @property
    def may_be_repeated(self) -> bool:
        """Whether another request may make the same, under the same id."""
        return self._begun is not None

    def id(self, kind: str, number: int = 0) -> str:
        """The id of what is made: under a key the same each time it is made.

        Of several things of one kind each has its own `number`.
        """
        if self._begun is None:
            return new_id(kind, self._clock)
        seed = self._begun.seed
        return derived_id(kind, f"{seed}/{number}") if number else f"{kind}_{seed.partition('_')[2]}"

    @property
    def idempotency(self) -> Idempotency | None:
        """Its key, as the log is told of it with what is made; None without one."""
        return None if self._begun is None else self._begun.told(self.digest)

    def keep(self, body: bytes) -> None:
        """Keep this in place of the answer, which holds what may be told only once."""
        self.kept = body

    def note(self, what: bytes) -> None:
        """Keep no answer but this, from which the handler answers whoever repeats the request (`earlier`)."""
        self.kept, self.digest = what, _BY_ITS_HANDLER

    async def said(self, digest: str) -> None:
        """What a request said that was read in pieces: before anything of it is made under its id.

        Raises:
            Problem: 422, the first request with its key said something else; 409, another one has taken it over.
            Unavailable: Redis does not answer.
        """
        self.digest = digest
        if self._begun is None:
            return
        match await self._once.says(self._begun, digest):
            case "other payload":
                raise problems.other_payload()
            case "taken over":
                raise still_running()
            case "ours":
                return

    def tell(self, earlier: Answered, digest: str = "") -> web.Response:
        """What was answered before, to who says the same.

        Raises:
            Problem: 422, the first request said something else.
        """
        if earlier.digest != digest:
            raise problems.other_payload()
        self.is_told_again = True
        return web.Response(status=earlier.status, body=earlier.body, content_type="application/json")


MAKING = web.RequestKey("making", Making)


async def show(request: web.Request, response: web.StreamResponse) -> None:
    """Mark a response that is about to be sent, and says what an earlier one said."""
    making = request.get(MAKING)
    if making is not None and making.is_told_again:
        response.headers[REPLAYED] = "true"


def still_running() -> Problem:
    """The thing is being made by another request."""
    message = "The first request with this Idempotency-Key is still being answered."
    return Problem(409, message, code="still_running", headers={"Retry-After": "1"})
