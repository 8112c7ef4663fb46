"""How a line ends, as a value; and the one place that says what an error means to the line that raised it. Pure.

No error of one line is its batch's: what does not pass by itself ends that line, whether anybody planned it or not.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

import msgspec

from gateway.batches.asking import WrongLine
from gateway.http import problems
from gateway.http.problems import INVALID
from gateway.no_job import GivenUp, NoJob
from infra.errors import TryAgain
from producers.events import JobError, Usage
from producers.prompts.reading import MODEL_NOT_FOUND

Left = Literal["expired", "cancelled", "gone", "failed"]
"""Why lines that were not answered are left."""
_SOON_S = 1.0


@dataclass(frozen=True)
class LineAnswered:
    """It has what its endpoint would have answered, and what that took."""

    body: dict[str, Any]
    usage: Usage | None


@dataclass(frozen=True)
class LineRefused:
    """It has the error that its endpoint would have answered."""

    status: int
    error: JobError


@dataclass(frozen=True)
class LineLeft:
    """Nobody came to it."""

    why: Left


LineEnd = LineAnswered | LineRefused | LineLeft


@dataclass(frozen=True)
class NotNow:
    """It has not ended: nothing but the moment speaks against it."""

    after_s: float
    why: str = ""


def meant_by(why: Exception | NoJob, number: int) -> LineRefused | NotNow:
    """What an error means to the line of that number, whatever it is, or that it has no job."""
    match why:
        case WrongLine(code=code, param=param):
            status = HTTPStatus.NOT_FOUND if code == MODEL_NOT_FOUND else HTTPStatus.BAD_REQUEST
            param = None if param is None else param.removeprefix("body.")
            return _refused(status, JobError(str(why), INVALID, param, code), number)
        case TryAgain(after_s=after_s):
            return NotNow(after_s, str(why))
        case GivenUp():
            return NotNow(_SOON_S, "a prompt did not reach the log in time")
        case _:
            problem = problems.of(why) if isinstance(why, Exception) else problems.of_no_job(why)
            return _refused(problem.status, problem.error, number)


def _refused(status: int, error: JobError, number: int) -> LineRefused:
    return LineRefused(status, msgspec.structs.replace(error, message=f"Line {number}: {error.message}"))
