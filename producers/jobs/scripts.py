"""The Lua scripts beside this file, each put together from its parts and kept loaded in Redis."""

from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from infra.errors import Unavailable
from infra.settings import RedisSettings

_HERE = Path(__file__).parent
_PARTS: dict[str, tuple[str, ...]] = {
    "settle": ("settle_job",),
    "view_prompt": ("view_step",),
    "view_ending": ("settle_job", "view_step"),
    "view_pass": ("view_step",),
    "view_conversation": ("conversation_home", "view_step"),
    "open_conversation": ("conversation_home",),
    "forget_conversation": ("conversation_home",),
}

Argument = str | bytes | int | float


def _whole_texts() -> dict[str, str]:
    """Every script by name: what all share, its own parts, and itself."""
    texts = {path.stem: path.read_text() for path in _HERE.glob("*.lua")}
    return {name: "\n".join(texts[part] for part in ("common", *_PARTS.get(name, ()), name)) for name in texts}


# Read once, when the module is: no event loop waits for a disk.
_SOURCES = _whole_texts()


class Scripts:
    """Runs scripts by name under one key prefix; loads again what a fresh Redis does not know."""

    def __init__(self, redis: Redis, settings: RedisSettings) -> None:
        self.redis = redis
        self.prefix = settings.prefix
        self._loaded: dict[str, Any] = {}

    async def run(self, name: str, *arguments: Argument) -> Any:
        """Run one script; its answer as Redis gives it.

        Raises:
            Unavailable: Redis does not answer.
        """
        script = self._loaded.get(name)
        if script is None:
            script = self._loaded[name] = self.redis.register_script(_SOURCES[name])
        try:
            return await script(args=[self.prefix, *arguments])
        except (RedisConnectionError, RedisTimeoutError, OSError) as error:
            raise Unavailable("redis", f"redis does not answer: {error}") from error
        except ResponseError as error:
            if str(error).startswith(("LOADING", "MISCONF", "BUSY", "READONLY")):
                raise Unavailable("redis", str(error)) from error
            raise


async def asked(answer: Any) -> Any:
    """Await one Redis command.

    Raises:
        Unavailable: Redis does not answer.
    """
    try:
        return await answer
    except (RedisConnectionError, RedisTimeoutError, OSError) as error:
        raise Unavailable("redis", f"redis does not answer: {error}") from error
