"""Which partition a record goes to: explicit, so that every client library agrees.

Prompts: a tenant owns `SHARE` partitions of its lane by rendezvous hashing, so that one flooding tenant touches no
more; a conversation is pinned to one of them, so that the order of its turns is the log's order. All else goes by the
hash of its key.
Source: Thaler and Ravishankar, "A name-based mapping scheme for rendezvous", 1996.
"""

import functools
import hashlib

SHARE = 4
"""Partitions that one tenant's prompts may occupy."""
_TENANTS_KNOWN = 4096


def of_key(key: str, partitions: int) -> int:
    """The partition of a record with that key."""
    return _hash(key) % partitions


def of_prompt(tenant: str, spread_by: str, partitions: int, share: int = SHARE) -> int:
    """The partition of a tenant's prompt; `spread_by` is its conversation, or else its job id."""
    owned = _owned(tenant, partitions, share)
    return owned[_hash(spread_by) % len(owned)]


@functools.lru_cache(_TENANTS_KNOWN)
def _owned(tenant: str, partitions: int, share: int) -> tuple[int, ...]:
    ranked = sorted(range(partitions), key=lambda partition: _hash(f"{tenant}/{partition}"), reverse=True)
    return tuple(ranked[:share])


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
