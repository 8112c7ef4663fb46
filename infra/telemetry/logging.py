"""Logs on standard error: one JSON object a line for machines, one plain line for people."""

import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from infra.settings import LogSettings

_BARE: Final = logging.LogRecord("", 0, "", 0, "", None, None)
_STANDARD: Final = frozenset(_BARE.__dict__) | {"message", "asctime", "taskName"}
# What these say at INFO (every metadata refresh, every rejoin) drowns what we say.
_TALKATIVE: Final = ("kafka", "aiokafka", "faust", "mode", "aiohttp.access", "asyncio")


def configure(settings: LogSettings, *, service: str) -> None:
    """Send every log record of this process to standard error, in the form the settings ask for."""
    as_text = settings.format == "text" or (settings.format == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextLines(service) if as_text else JsonLines(service))
    logging.basicConfig(level=settings.level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    if settings.level != "DEBUG":
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """What the caller gave as `extra`."""
    return {name: value for name, value in record.__dict__.items() if name not in _STANDARD}


class JsonLines(logging.Formatter):
    """A record as one JSON object: at, level, service, pid, logger, message, error if any, and every `extra` field."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service,
            "pid": record.process,
            "logger": record.name,
            "message": record.getMessage(),
            **fields_of(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


class TextLines(logging.Formatter):
    """A record as `12:30:01.123 INFO gateway: message name=value …`."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line, with its traceback below if there is one."""
        at = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]
        extra = "".join(f" {name}={value}" for name, value in fields_of(record).items())
        line = f"{at} {record.levelname} {self._service}: {record.getMessage()}{extra}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line
