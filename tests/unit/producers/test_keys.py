"""API keys and the registry that knows them."""

import base64
import itertools
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from infra.clock import ManualClock
from infra.sealing import Seal
from producers.access.keys import KEY_PREFIX, Minted, has_expired, hashed, mint, secret_key
from producers.access.registry import Registry
from producers.administration import keys_shown
from producers.events import FormerKey, KeyChanged, KeyIssued, KeyRevoked, KeyRotated, Limits, TenantDefined
from producers.log import codec

SEAL = Seal("a key of more than thirty-two characters")


def a_key(name: str = "test") -> Minted:
    return mint(ManualClock(), SEAL, tenant="acme", name=name)


def test_a_key_is_kept_as_its_hash_only() -> None:
    minted = a_key()

    on_the_wire = codec.encode(minted.event).decode()
    assert minted.api_key.startswith(KEY_PREFIX)
    assert minted.api_key not in on_the_wire
    assert minted.webhook_secret not in on_the_wire
    assert minted.event.sha256 == hashed(minted.api_key)
    assert minted.api_key.startswith(minted.event.prefix)
    assert len(minted.api_key) - len(minted.event.prefix) > 30


def test_a_webhook_secret_has_32_bytes_in_the_form_of_standard_webhooks() -> None:
    minted = a_key()

    prefix, _, encoded = minted.webhook_secret.partition("_")
    assert prefix == "whsec"
    assert len(base64.b64decode(encoded, validate=True)) == 32
    assert SEAL.unseal(minted.event.webhook_secret_encrypted) == minted.webhook_secret


def test_no_two_keys_are_alike() -> None:
    assert len({a_key().api_key for _ in range(100)}) == 100


def test_the_registry_knows_a_key_by_the_key_and_forgets_a_revoked_one() -> None:
    registry, kept, gone = Registry(), a_key(), a_key()
    for each in (kept, gone):
        registry.apply(each.event)

    registry.apply(KeyRevoked(id=gone.event.id))

    assert registry.key_for(kept.api_key, 0.0) == kept.event
    assert registry.key_for(gone.api_key, 0.0) is None
    assert registry.key_for(kept.event.sha256, 0.0) is None
    assert registry.key_for("", 0.0) is None


def test_events_that_come_twice_change_nothing() -> None:
    registry, key = Registry(), a_key()

    for _ in range(2):
        registry.apply(TenantDefined(id="acme", name="Acme"))
        registry.apply(key.event)

    assert list(registry.keys) == [key.event.id]
    assert registry.key_for(key.api_key, 0.0) == key.event


def test_a_revocation_whose_key_the_compacted_topic_has_lost_is_borne() -> None:
    registry = Registry()

    registry.apply(KeyRevoked(id="key_unknown"))

    assert registry.revoked == {"key_unknown"}


def test_a_key_issued_again_after_its_revocation_stays_revoked() -> None:
    """The log of one id is in order, but a reader that starts over applies all of it to what it knows already."""
    registry, key = Registry(), a_key()
    events: list[KeyIssued | KeyRevoked] = [key.event, KeyRevoked(id=key.event.id)]

    for event in (*events, *events[:1]):
        registry.apply(event)

    assert registry.key_for(key.api_key, 0.0) is None


def test_a_changed_key_may_what_was_said_last_and_stays_the_same_key() -> None:
    registry, key = Registry(), a_key()
    limits = Limits(requests_per_minute=5, tokens_per_day=9)
    to = KeyChanged(id=key.event.id, name="new", scopes=("read",), models=("a",), expires_ms=7.0, limits=limits)
    for event in (key.event, to, key.event):
        registry.apply(event)

    known = registry.key_for(key.api_key, 0.0)

    assert known is not None
    assert (known.name, known.scopes, known.models, known.expires_ms) == ("new", ("read",), ("a",), 7.0)
    assert known.limits == limits
    assert (has_expired(known, 6.9), has_expired(known, 7.0)) == (False, True)
    assert known.webhook_secret_encrypted == key.event.webhook_secret_encrypted


def test_a_rotated_key_is_known_by_both_secrets_until_the_overlap_is_over() -> None:
    registry, key, new, newer = Registry(), a_key(), secret_key(), secret_key()
    registry.apply(key.event)

    registry.apply(
        KeyRotated(id=key.event.id, prefix="p", sha256=hashed(new), former=(FormerKey(key.event.sha256, 100.0),))
    )
    during = [registry.key_for(each, 99.9) for each in (key.api_key, new)]
    after = [registry.key_for(each, 100.0) for each in (key.api_key, new)]
    registry.apply(KeyRotated(id=key.event.id, prefix="q", sha256=hashed(newer)))

    assert [each and each.id for each in during] == [key.event.id, key.event.id]
    assert [each and each.prefix for each in after] == [None, "p"]
    assert [registry.key_for(each, 0.0) is not None for each in (key.api_key, new, newer)] == [False, False, True]
    registry.apply(KeyRevoked(id=key.event.id))
    assert registry.key_for(newer, 0.0) is None


def test_secrets_that_are_valid_stay_so_for_who_reads_while_keys_are_issued_and_rotated() -> None:
    """Gateways read from the loop what a thread of its own applies."""
    registry, stop = Registry(), threading.Event()
    minted = [mint(ManualClock(), SEAL, tenant="acme", name=str(at)) for at in range(500)]

    def issue() -> None:
        for each in minted:
            registry.apply(each.event)

    def rotate() -> None:
        for number in itertools.count():
            for each in minted:
                if stop.is_set():
                    return
                # Each key has its first secret for ever, and another one that changes.
                former = (FormerKey(each.event.sha256, 100.0),)
                registry.apply(
                    KeyRotated(id=each.event.id, prefix="p", sha256=f"{each.event.id} {number}", former=former)
                )

    with ThreadPoolExecutor(1) as thread, _switching_often():
        issuing = thread.submit(issue)
        while not issuing.done():
            registry.find(None, "")
        rotating = thread.submit(rotate)
        try:
            refused = sum(registry.key_for(each.api_key, 0.0) is None for _ in range(20) for each in minted)
            former = [registry.former_of(each.event.id, 0.0) for each in minted]
        finally:
            stop.set()
        rotating.result()

    assert refused == 0
    assert all(told.keys() <= {key.event.sha256} for told, key in zip(former, minted, strict=True))


@contextmanager
def _switching_often() -> Iterator[None]:
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before_s)


def test_a_change_of_a_key_that_the_compacted_topic_has_lost_is_borne() -> None:
    registry = Registry()

    registry.apply(KeyRotated(id="key_unknown", prefix="p", sha256="s"))
    registry.apply(KeyChanged(id="key_unknown", name="", scopes=(), models=(), expires_ms=None, limits=Limits()))

    assert registry.keys == {}


def test_a_key_made_twice_under_one_id_has_one_webhook_secret_whichever_record_the_log_keeps() -> None:
    first, second = (a_key().under("key_1", SEAL) for _ in range(2))
    elsewhere = mint(ManualClock(), Seal("another key of more than thirty-two characters"), tenant="acme", name="test")

    assert first.webhook_secret == second.webhook_secret
    assert SEAL.unseal(second.event.webhook_secret_encrypted) == first.webhook_secret
    assert first.api_key != second.api_key
    assert elsewhere.under("key_1", Seal("another key of more than thirty-two characters")).webhook_secret != (
        first.webhook_secret
    )
    assert a_key().webhook_secret != a_key().webhook_secret


def test_a_name_from_before_shows_what_a_terminal_would_obey_written_out() -> None:
    said = "\n".join(keys_shown.lines(a_key("\x00\x1b[31m").event, Registry(), 0.0))

    assert r"\x00\x1b[31m" in said
    assert "\x1b" not in said
