"""All lines of a batch's input, one after the other, and what they have to do with one another. Pure."""

import logging
from dataclasses import dataclass, field
from typing import Final

from gateway.batches.asking import EMBEDDINGS, Rules, WrongLine, asked_by, texts_asked_by
from gateway.batches.lines import Line
from producers.events import BatchSubmitted, LineError

log = logging.getLogger(__name__)

MOST_LINES: Final = 50_000
MOST_TEXTS: Final = 50_000
"""In all lines of a batch of embeddings, as at OpenAI."""
MOST_ERRORS: Final = 100
"""After so many, nobody reads on."""


@dataclass
class Checking:
    """Checks all lines of an input, one after the other; what they have to do with one another, too."""

    batch: BatchSubmitted
    rules: Rules
    lines: int = 0
    texts: int = 0
    model: str | None = None
    faults: int = 0
    """Lines at which the check itself broke."""
    errors: list[LineError] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    @property
    def is_over(self) -> bool:
        """Whether enough is wrong."""
        return len(self.errors) >= MOST_ERRORS or self.lines > MOST_LINES or self.texts > MOST_TEXTS

    def take(self, line: Line) -> None:
        """Check the next line."""
        self.lines += 1
        if self.lines > MOST_LINES:
            self.errors.append(LineError("too_many_lines", f"A batch may have {MOST_LINES} lines.", None, line.number))
            return
        try:
            self._take(*self._asked(line))
        except WrongLine as error:
            self.errors.append(error.at(line.number))
        except Exception:
            # Our fault, as far as anybody knows: it ends this line when its turn comes, and the others are answered.
            if not self.faults:
                log.exception("a line cannot be checked", extra={"batch_id": self.batch.batch_id, "line": line.number})
            self.faults += 1

    def end(self) -> None:
        """There are no more lines."""
        if not self.lines:
            self.errors.append(LineError("empty_file", "The file holds no line."))

    def _asked(self, line: Line) -> tuple[str, str]:
        """The custom id and the model of a line."""
        if self.batch.endpoint != EMBEDDINGS:
            asked = asked_by(line, self.batch, self.rules, self.batch.at_ms)
            return asked.custom_id, asked.prompt.model
        wanted = texts_asked_by(line, self.batch, self.rules)
        self.texts += len(wanted.texts.texts)
        return wanted.custom_id, wanted.texts.model

    def _take(self, custom_id: str, model: str) -> None:
        if custom_id in self._seen:
            raise WrongLine("duplicate_custom_id", "This custom_id stands in an earlier line, too.", "custom_id")
        self._seen.add(custom_id)
        self.model = self.model or model
        if model != self.model:
            message = f"All lines must ask the same model; the first one asks {self.model}."
            raise WrongLine("mismatched_model", message, "body.model")
        if self.texts > MOST_TEXTS:
            message = f"The lines of a batch may hold {MOST_TEXTS} texts together."
            raise WrongLine("too_many_inputs", message, "body.input")
