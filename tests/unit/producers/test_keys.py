"""API keys and the registry that knows them."""

import base64

from infra.clock import ManualClock
from infra.sealing import Seal
from producers import codec
from producers.events import KeyIssued, KeyRevoked, TenantDefined
from producers.keys import KEY_PREFIX, Minted, hashed, mint
from producers.registry import Registry

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

    assert registry.key_for(kept.api_key) == kept.event
    assert registry.key_for(gone.api_key) is None
    assert registry.key_for(kept.event.sha256) is None
    assert registry.key_for("") is None


def test_events_that_come_twice_change_nothing() -> None:
    registry, key = Registry(), a_key()

    for _ in range(2):
        registry.apply(TenantDefined(id="acme", name="Acme"))
        registry.apply(key.event)

    assert list(registry.keys) == [key.event.id]
    assert registry.key_for(key.api_key) == key.event


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

    assert registry.key_for(key.api_key) is None
