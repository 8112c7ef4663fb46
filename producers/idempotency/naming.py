"""What stands under an Idempotency-Key: where the key counts, and what its request said. Pure."""

import hashlib

import msgspec

from infra.errors import WrongField


def scope(whose: str, route: str, key: str) -> str:
    """Where a key counts: the same one of another tenant, or on another route, is another one."""
    return f"{whose}:{route}:{key}"


def key_of_line(batch_id: str, number: int) -> str:
    """Under it the same job comes of a batch's line however often it is handed in; no client's, for those are ASCII."""
    return f"{batch_id} №{number}"


def fingerprint(body: bytes, path: str = "") -> str:
    """The same for the same JSON, however its writer ordered names and spaces; with a path, for what went there.

    Raises:
        WrongField: it is nested more deeply than anybody reads.
    """
    said = _canonical(body)
    return hashlib.sha256(f"{path}\n".encode() + said if path else said).hexdigest()


def _canonical(body: bytes) -> bytes:
    try:
        return msgspec.json.encode(msgspec.json.decode(body), order="deterministic")
    except ValueError:
        return body  # it is no JSON, as whoever is to read it will say
    except RecursionError:
        raise WrongField("The body is nested too deeply.") from None
