"""What becomes of a POST that is repeated under its Idempotency-Key, route by route: nothing else decides it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class Repeat:
    """A `job` is known again by the script that accepts it, all else made `once`; what makes nothing is done `anew`."""

    how: Literal["job", "once", "anew"]
    told: str
    """What clients are told of it."""
    of_one_secret: bool = False
    """Whether it is a repeat only if it bears the very API key of the first one, and no other of its tenant."""


_AS_KEPT: Final = Repeat("once", "what the first request was told is told again.")
_SECRETS_LEFT_OUT: Final = Repeat(
    "once",
    "it is told with `null` in place of its secrets, which are not kept; should the gateway have died before telling "
    "of the key, it is the same key with a new secret.",
)
_ANEW: Final = Repeat("anew", "it is done again: twice is once.")

REPEATS: Final[Mapping[str, Repeat]] = {
    "/v1/jobs": Repeat("job", "the same job is told, as it stands by then."),
    "/v1/jobs/{job_id}/cancel": _ANEW,
    "/v1/jobs/{job_id}/feedback": _AS_KEPT,
    "/v1/chat/completions": Repeat("job", "the same answer or error is told, 409 while there is none yet."),
    "/v1/chat/completions/{completion_id}": _AS_KEPT,
    "/v1/responses": Repeat(
        "job",
        "the same response is told, as it stands by then, or streamed from its beginning; 409 while another request "
        "waits for its end.",
    ),
    "/v1/responses/{response_id}/cancel": _ANEW,
    "/v1/conversations": _AS_KEPT,
    "/v1/conversations/{conversation_id}": _AS_KEPT,
    "/v1/conversations/{conversation_id}/items": _AS_KEPT,
    "/v1/embeddings": Repeat(
        "once",
        "the same vectors are told, and no day is charged for them again; above 64 KiB they are made again, for tokens "
        "of the minute.",
    ),
    "/v1/files": Repeat("once", "the same file is told, once the whole upload was read and found to say the same."),
    "/v1/batches": _AS_KEPT,
    "/v1/batches/{batch_id}/cancel": _ANEW,
    "/v1/markdown": _ANEW,
    "/v1/tickets": Repeat(
        "once", "the same ticket is told, which may be spent or too old by then.", of_one_secret=True
    ),
    "/v1/admin/keys": _SECRETS_LEFT_OUT,
    "/v1/admin/keys/{key_id}": _AS_KEPT,
    "/v1/admin/keys/{key_id}/rotate": _SECRETS_LEFT_OUT,
    "/v1/admin/tenants/{tenant}": _AS_KEPT,
    "/v1/admin/dead_letters/redrive": _ANEW,
    "/v1/admin/dead_letters/{letter_id}/redrive": _ANEW,
    "/v1/admin/dead_letters/{letter_id}/discard": _ANEW,
}


def repeat_of(method: str, route: str) -> Repeat | None:
    """What becomes of a repeat of this; None where there is nothing to repeat."""
    return REPEATS.get(route) if method == "POST" else None


def is_submit(method: str, route: str) -> bool:
    """Whether it hands in a prompt, whose job is accepted, counted and known again by one script."""
    repeat = repeat_of(method, route)
    return repeat is not None and repeat.how == "job"


def takes_key(method: str, route: str) -> bool:
    """Whether an Idempotency-Key says anything there."""
    repeat = repeat_of(method, route)
    return repeat is not None and repeat.how != "anew"
