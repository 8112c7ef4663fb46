"""Usage and cost: which is asked for, how it is grouped, what it costs."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from gateway import prices
from gateway.http.problems import Problem
from gateway.prices import Price
from gateway.reports import usage
from producers.events import KeyIssued

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
CALLER = KeyIssued(id="key_1", tenant="acme", name="", prefix="", sha256="", webhook_secret_encrypted="",
                   requests_per_minute=6, jobs_in_flight=None)  # fmt: skip
ADMIN = msgspec.structs.replace(CALLER, scopes=("admin",))


def a_row(**fields: Any) -> dict[str, Any]:
    given = {"month": 202611, "tenant": "acme", "key": "key_1", "model": "m", "jobs": 1, "cached_jobs": 0,
             "embeddings": 0, "prompt_tokens": 1000, "completion_tokens": 100}  # fmt: skip
    return given | fields


def test_prices_are_read_by_model_whatever_its_name() -> None:
    assert prices.read(("org/a=b=0.5/2", "c=0/1e1")) == {"org/a=b": Price(0.5, 2.0), "c": Price(0.0, 10.0)}
    for wrong in ("m", "m=1", "m=1/", "=1/2", "m=-1/2", "m=nan/2", "m=inf/2", "m=1/2/3"):
        with pytest.raises(ValueError, match="model=in/out"):
            prices.read((wrong,))


def test_nothing_said_asks_for_this_month_of_the_callers_tenant() -> None:
    asked = usage.usage_asked({}, CALLER, NOW)

    assert (asked.since, asked.until) == (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
    assert (asked.tenant, asked.groups) == ("acme", usage.GROUPS)


def test_months_are_asked_for_with_both_ends() -> None:
    asked = usage.usage_asked({"from": "2025-12", "to": "2026-01"}, CALLER, NOW)
    until_now = usage.usage_asked({"from": "2026-09"}, CALLER, NOW)
    one = usage.usage_asked({"to": "2026-09"}, CALLER, NOW)

    assert (asked.since, asked.until) == (datetime(2025, 12, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
    assert (until_now.since, until_now.until) == (datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
    assert (one.since, one.until) == (datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC))
    assert usage.usage_asked({"to": "2026-12"}, CALLER, NOW).until == datetime(2027, 1, 1, tzinfo=UTC)


def test_other_tenants_are_for_administrators() -> None:
    for query in ({"tenant": "other"}, {"all_tenants": "true"}):
        with pytest.raises(Problem) as refused:
            usage.usage_asked(query, CALLER, NOW)
        assert (refused.value.status, refused.value.error.type) == (403, "permission_error")

    assert usage.usage_asked({"tenant": "acme"}, CALLER, NOW).tenant == "acme"
    assert usage.usage_asked({"tenant": "other"}, ADMIN, NOW).tenant == "other"
    assert usage.usage_asked({"all_tenants": "true"}, ADMIN, NOW).tenant is None
    with pytest.raises(Problem) as empty:
        usage.usage_asked({"tenant": ""}, ADMIN, NOW)
    assert empty.value.status == 400, "for the reports an empty tenant is everybody"


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"from": "2026-13"}, "from"),
        ({"to": "november"}, "to"),
        ({"from": "2026-12", "to": "2026-11"}, "from"),
        ({"from": "2020-01"}, "from"),
        ({"group_by": "month,user"}, "group_by"),
        ({"all_tenants": "yes"}, "all_tenants"),
        ({"since": "2026-01"}, "since"),
    ],
)
def test_what_makes_no_sense_is_named(query: dict[str, str], param: str) -> None:
    with pytest.raises(Problem) as refused:
        usage.usage_asked(query, CALLER, NOW)

    assert (refused.value.status, refused.value.error.param) == (400, param)


def test_rows_are_summed_in_the_groups_asked_for_and_priced_by_their_models() -> None:
    rows = [a_row(), a_row(model="free", month=202610), a_row(model="m", key="key_2", jobs=3, prompt_tokens=0)]
    asked = usage.usage_asked({"group_by": "model"}, CALLER, NOW)
    found = usage.usage(rows, asked, {"m": Price(2.0, 10.0), "free": Price(0.0, 0.0)})

    counts = {"cached_jobs": 0, "embeddings": 0, "object": "usage"}
    assert found == [
        counts | {"model": "m", "jobs": 4, "prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200,
                  "cost": 0.004},
        counts | {"model": "free", "jobs": 1, "prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100,
                  "cost": 0.0},
    ]  # fmt: skip


def test_what_has_no_price_costs_nobody_knows_what() -> None:
    asked = usage.usage_asked({"group_by": "key", "key": "key_1"}, CALLER, NOW)
    rows = [a_row(), a_row(model="unpriced"), a_row(key="key_2")]
    (found,) = usage.usage(rows, asked, {"m": Price(1.0, 1.0)})

    assert (found["key"], found["jobs"], found["cost"]) == ("key_1", 2, None)
    assert usage.usage([], asked, {}) == []
