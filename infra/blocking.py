"""A class whose calls are awaited, for programs without an event loop: each call is named once more, and waits.

Signatures, defaults and documentation stay where the call is written; type checkers and editors find them there.
"""

import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar

from infra.loop_thread import LoopThread

Given = ParamSpec("Given")
Answer = TypeVar("Answer")
Behind = TypeVar("Behind")
Front = TypeVar("Front")


class Resource(Protocol):
    """What is opened by `async with`, and closed."""

    async def __aenter__(self) -> Any:
        """Open it."""

    async def close(self) -> None:
        """Close it; twice is once, and so is a close of what was never opened."""


AResource = TypeVar("AResource", bound=Resource)


class Waiting(Generic[Behind]):
    """Stands before an object and has its calls done on a loop of another thread; may be called from any thread."""

    def __init__(self, loop: LoopThread, behind: Behind) -> None:
        self._loop = loop
        self._behind = behind


class WaitingResource(Waiting[AResource]):
    """The same before a resource, with a loop of its own, which ends with the last who holds it."""

    def __init__(self, name: str, behind: AResource) -> None:
        super().__init__(LoopThread(name, behind.close), behind)

    def __enter__(self) -> Self:
        """Open it; where that fails, all is closed."""
        try:
            self._loop.run(_opened(self._behind))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close it, and end its thread; twice is once."""
        self._loop.close()


def waits(
    call: Callable[Concatenate[Behind, Given], Coroutine[Any, Any, Answer]],
) -> Callable[Concatenate[Waiting[Behind], Given], Answer]:
    """The same call for the one in front: it returns when it is done."""

    @functools.wraps(call)
    def waiting(self: Waiting[Behind], /, *args: Given.args, **kwargs: Given.kwargs) -> Answer:
        return self._loop.run(call(self._behind, *args, **kwargs))

    return waiting


def iterates(
    call: Callable[Concatenate[Behind, Given], AsyncIterator[Answer]],
) -> Callable[Concatenate[Waiting[Behind], Given], Iterator[Answer]]:
    """The same iterator for the one in front: it waits for each item."""

    @functools.wraps(call)
    def iterating(self: Waiting[Behind], /, *args: Given.args, **kwargs: Given.kwargs) -> Iterator[Answer]:
        return self._loop.iterate(call(self._behind, *args, **kwargs))

    return iterating


def given_as(
    kind: Callable[Given, Behind],
) -> Callable[[Callable[[Front, Behind], None]], Callable[Concatenate[Front, Given], None]]:
    """Lets an `__init__` that takes an object be given what makes one."""

    def takes(init: Callable[[Front, Behind], None]) -> Callable[Concatenate[Front, Given], None]:
        @functools.wraps(vars(kind)["__init__"])
        def made(self: Front, /, *args: Given.args, **kwargs: Given.kwargs) -> None:
            init(self, kind(*args, **kwargs))

        return made

    return takes


async def _opened(behind: Resource) -> None:
    await behind.__aenter__()
