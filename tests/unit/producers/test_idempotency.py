"""Where an Idempotency-Key counts, and what its request is taken to have said."""

import pytest

from infra.errors import WrongField
from producers.idempotency import naming
from producers.prompts import bounds


def test_a_request_says_the_same_however_its_json_is_written() -> None:
    assert naming.fingerprint(b'{"a": 1, "b": [2]}') == naming.fingerprint(b'{"b":[2],"a":1}')
    assert naming.fingerprint(b'{"a": 1}') != naming.fingerprint(b'{"a": 2}')
    assert naming.fingerprint(b'{"a": 1}', "/v1/x") != naming.fingerprint(b'{"a": 1}', "/v1/y")


def test_what_is_no_json_says_what_it_is() -> None:
    assert naming.fingerprint(b'{"a": ') != naming.fingerprint(b'{"b": ')


def test_what_nobody_reads_to_its_bottom_is_the_senders_fault() -> None:
    with pytest.raises(WrongField, match="nested too deeply"):
        naming.fingerprint(b'{"a":' * 1100 + b"1" + b"}" * 1100)


def test_a_key_counts_for_one_tenant_on_one_route() -> None:
    scopes = {naming.scope(whose, route, "k") for whose in ("acme", "other") for route in ("/v1/jobs", "/v1/files")}

    assert len(scopes) == 4


def test_no_client_can_send_the_key_of_a_batchs_line() -> None:
    assert not bounds.is_idempotency_key(naming.key_of_line("batch_1", 3))
