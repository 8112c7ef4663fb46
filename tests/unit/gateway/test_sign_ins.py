"""Failed sign-ins are counted by address, and what is remembered is bounded."""

from gateway.access import sign_ins
from gateway.access.sign_ins import SignIns


def test_an_address_may_fail_so_often_a_minute_and_is_then_told_how_long_to_wait() -> None:
    counted = SignIns(2)

    assert [counted.failed("1.2.3.4", now_s) for now_s in (100.0, 101.0, 110.0, 159.0)] == [0, 0, 50, 1]
    assert counted.failed("1.2.3.4", 160.0) == 0


def test_another_address_is_not_held_up() -> None:
    counted = SignIns(1)
    counted.failed("1.2.3.4", 0)

    assert counted.failed("1.2.3.5", 0) == 0
    assert counted.failed("1.2.3.4", 0) > 0


def test_a_network_of_ipv6_is_one_address() -> None:
    counted = SignIns(1)
    counted.failed("2001:db8::1", 0)

    assert counted.failed("2001:db8::ffff:1", 0) > 0
    assert counted.failed("2001:db8:0:1::1", 0) == 0


def test_only_the_first_beyond_the_limit_is_news() -> None:
    counted = SignIns(1)
    news = []
    for _ in range(4):
        counted.failed("1.2.3.4", 0)
        news.append(counted.is_first_over("1.2.3.4"))

    assert news == [False, True, False, False]


def test_what_is_remembered_is_bounded() -> None:
    counted = SignIns(1)
    for n in range(sign_ins.MOST_ADDRESSES + 100):
        counted.failed(f"address {n}", 0)

    assert len(counted._failed) == sign_ins.MOST_ADDRESSES
    assert counted.failed("address 0", 0) == 0, "the oldest was forgotten"
