"""Secrets at rest."""

import pytest

from infra.errors import WrongSetting
from infra.sealing import Seal

KEY = "a key of more than thirty-two characters"


def test_what_is_sealed_can_be_unsealed_and_shows_nothing() -> None:
    sealed = Seal(KEY).seal("whsec_äöü")

    assert "whsec" not in sealed
    assert Seal(KEY).unseal(sealed) == "whsec_äöü"
    assert Seal(KEY).seal("whsec_äöü") != sealed


@pytest.mark.parametrize("sealed", ["", "nonsense", "gAAAAABsealed"])
def test_what_was_not_sealed_is_refused(sealed: str) -> None:
    with pytest.raises(WrongSetting, match="another HEADRACE_SECRET_KEY"):
        Seal(KEY).unseal(sealed)


def test_another_key_opens_nothing() -> None:
    sealed = Seal(KEY).seal("whsec_x")

    with pytest.raises(WrongSetting, match="another HEADRACE_SECRET_KEY"):
        Seal(KEY.upper()).unseal(sealed)


def test_a_changed_seal_is_refused() -> None:
    sealed = Seal(KEY).seal("whsec_x")
    changed = sealed[:20] + ("A" if sealed[20] != "A" else "B") + sealed[21:]

    with pytest.raises(WrongSetting, match="another HEADRACE_SECRET_KEY"):
        Seal(KEY).unseal(changed)


@pytest.mark.parametrize("key", ["", "x" * 31])
def test_a_short_key_is_refused(key: str) -> None:
    with pytest.raises(WrongSetting, match="HEADRACE_SECRET_KEY must have at least 32 characters"):
        Seal(key)
