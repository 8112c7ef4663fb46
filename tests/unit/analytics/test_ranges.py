"""Ranges and their buckets: edges, widths, zones, and the range before."""

import pytest

from analytics.reports.ranges import PRESETS_S, WIDTHS_S, Range, WrongParameter, read_range, read_view, width_for

NOW_S = 1_800_000_123.5  # 2027-01-15 08:02:03.5 UTC
HOUR_S, DAY_S = 3600, 86_400


@pytest.mark.parametrize(
    ("preset", "bucket_s", "buckets"),
    [("15m", 15, 61), ("1h", 60, 61), ("24h", 1800, 49), ("7d", 10_800, 57), ("30d", 43_200, 61)],
)
def test_the_width_of_buckets_follows_the_range_and_the_first_is_whole(
    preset: str, bucket_s: int, buckets: int
) -> None:
    view = read_view({"range": preset}, now_s=NOW_S)

    assert (view.bucket_s, len(view.buckets())) == (bucket_s, buckets)
    assert view.since_s == view.buckets()[0] == NOW_S - PRESETS_S[preset] - (NOW_S - PRESETS_S[preset]) % bucket_s
    assert view.until_s == NOW_S


def test_every_width_divides_a_day_so_that_days_begin_at_midnight() -> None:
    assert [width for width in WIDTHS_S if DAY_S % width] == []
    assert width_for(400 * DAY_S) == DAY_S


def test_what_lies_on_the_edge_of_two_buckets_belongs_to_the_later() -> None:
    view = Range(0, 7200, bucket_s=3600)

    assert [view.bucket_of(at_s) for at_s in (0, 3599.999, 3600, 7199.9)] == [0, 0, 3600, 3600]
    assert view.buckets() == [0, 3600]


def test_days_begin_at_the_readers_midnight() -> None:
    sydney = Range(NOW_S, NOW_S + DAY_S, bucket_s=DAY_S, zone_s=11 * HOUR_S)
    new_york = Range(NOW_S, NOW_S + DAY_S, bucket_s=DAY_S, zone_s=-5 * HOUR_S)

    # 19:02 in Sydney: midnight there was at 13:00 UTC the day before; 03:02 in New York: at 05:00 UTC the same day.
    assert sydney.bucket_of(NOW_S) == 1_799_971_200 - 11 * HOUR_S
    assert new_york.bucket_of(NOW_S) == 1_799_971_200 + 5 * HOUR_S
    assert [(at + 11 * HOUR_S) % DAY_S for at in sydney.buckets()] == [0, 0]


def test_the_range_before_is_as_long_and_ends_where_this_one_begins() -> None:
    view = read_view({"range": "1h"}, now_s=NOW_S)

    assert view.before().until_s == view.since_s
    assert view.before().until_s - view.before().since_s == view.until_s - view.since_s


def test_the_whole_range_is_one_bucket_wherever_it_begins() -> None:
    view = read_view({"range": "24h", "zone_s": "19800"}, now_s=NOW_S).whole()

    assert view.buckets() == [view.since_s]
    assert view.bucket_of(view.until_s - 0.001) == view.since_s


def test_a_job_is_looked_for_whenever_it_was() -> None:
    asked = read_range({"job": "job_1"}, now_s=NOW_S)

    assert (asked.since_s, asked.until_s > NOW_S, asked.job) == (0, True, "job_1")


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"range": "2d"}, "range"),
        ({"since_s": "5", "until_s": "5"}, "since_s"),
        ({"since_s": "0"}, "since_s"),
        ({"zone_s": "90000"}, "zone_s"),
        ({"bucket_s": "60"}, "bucket_s"),
        ({"hours": "3"}, "hours"),
        ({"status": "done"}, "status"),
        ({"status": "queued"}, "status"),
        ({"lane": "fast"}, "lane"),
        ({"range": "15m", "since_s": "1"}, "range"),
    ],
)
def test_a_view_that_makes_no_sense_is_refused_by_name(given: dict[str, str], param: str) -> None:
    with pytest.raises(WrongParameter) as raised:
        read_view(given, now_s=NOW_S)

    assert raised.value.param == param


def test_a_report_of_an_end_or_a_lane_that_there_is_not_is_refused() -> None:
    for name in ("status", "lane"):
        with pytest.raises(WrongParameter, match=f"{name} must be one of .*, "):
            read_range({name: "foo"}, now_s=NOW_S)


def test_bounds_are_told_as_whole_numbers() -> None:
    with pytest.raises(WrongParameter, match=r"from 0 to 4102444800$"):
        read_range({"since_s": "-1"}, now_s=NOW_S)
    with pytest.raises(WrongParameter, match=r"from 1 to 31622400$"):
        read_range({"bucket_s": "0"}, now_s=NOW_S)


def test_a_preset_and_a_beginning_exclude_one_another() -> None:
    with pytest.raises(WrongParameter, match="exclude one another"):
        read_view({"range": "15m", "since_s": "1"}, now_s=NOW_S)


def test_the_tenant_that_the_gateway_gives_is_not_among_the_parameters_that_clients_are_told_of() -> None:
    with pytest.raises(WrongParameter) as raised:
        read_range({"hours": "3", "tenant": "acme"}, now_s=NOW_S)

    assert "tenant" not in str(raised.value)
    assert read_range({"tenant": "acme"}, now_s=NOW_S).tenant == "acme"
