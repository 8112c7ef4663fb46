"""Request headers: what they mean, and what is refused in them."""

import pytest
from multidict import CIMultiDict, MultiDict

from gateway.http import headers
from gateway.http.problems import Problem


def test_an_idempotency_key_may_be_quoted_or_not() -> None:
    assert headers.idempotency_key({}) is None
    assert headers.idempotency_key({"Idempotency-Key": '"8e03-97"'}) == "8e03-97"
    assert headers.idempotency_key({"Idempotency-Key": "8e03-97"}) == "8e03-97"
    assert headers.idempotency_key({"Idempotency-Key": r'"a\"b\\c"'}) == r"a\"b\c".replace(r"\"", '"')


def test_what_follows_a_quoted_idempotency_key_says_nothing() -> None:
    for given in ('"k";a=1', '"k" ; a', '"k";a="x;y";b=?1'):
        assert headers.idempotency_key({"Idempotency-Key": given}) == "k"


@pytest.mark.parametrize(
    "key",
    ['"a", "b"', r'"a\nb"', '"k";', '"k" x', '"a"b"', "", " ", '""', '"', '"open', "x" * 256, "é", "a\tb", "a\xa0"],
)
def test_a_wrong_idempotency_key_is_refused(key: str) -> None:
    with pytest.raises(Problem) as caught:
        headers.idempotency_key({"Idempotency-Key": key})

    assert caught.value.error.param == "Idempotency-Key"


@pytest.mark.parametrize(
    ("lines", "takes"),
    [
        ([], False),
        (["identity"], False),
        (["br, gzip"], True),
        (["br", "GZip;q=0.5"], True),
        (["gzip;q=0, identity"], False),
        (["gzip ; q=0.000"], False),
        (["gzip;q=0.001"], True),
        (["x-gzipped"], False),
    ],
)
def test_a_gzip_is_for_who_names_it_with_a_weight(lines: list[str], takes: bool) -> None:
    assert headers.takes_gzip(CIMultiDict([("Accept-Encoding", each) for each in lines])) is takes


def test_only_a_bearer_key_is_a_key() -> None:
    assert headers.bearer({"Authorization": "Bearer abc"}) == "abc"
    assert headers.bearer({"Authorization": "bearer  abc "}) == "abc"
    assert headers.bearer({"Authorization": "Basic abc"}) is None
    assert headers.bearer({"Authorization": "Bearer"}) is None
    assert headers.bearer({}) is None


@pytest.mark.parametrize(
    ("given", "seconds"), [("30s", 30), ("5m", 300), ("1h", 3600), ("45", 45), ("720h", 720 * 3600)]
)
def test_cancel_after_is_a_period(given: str, seconds: int) -> None:
    assert headers.cancel_after_s({"Cancel-After": given}) == seconds


@pytest.mark.parametrize("given", ["721h", "99999999h", "9" * 400])
def test_a_period_that_is_too_long_is_told_how_long_it_may_be(given: str) -> None:
    with pytest.raises(Problem, match="2592000 seconds at most"):
        headers.cancel_after_s({"Cancel-After": given})


@pytest.mark.parametrize(
    "given", ["", "0s", "-1s", "1d", "s", "9" * 12, "1m30s", "999999999h", "721h", "٣s", "030s", "30s\xa0"]
)
def test_what_is_no_period_is_refused(given: str) -> None:
    with pytest.raises(Problem) as caught:
        headers.cancel_after_s({"Cancel-After": given})

    assert caught.value.error.param == "Cancel-After"


def preferred(*lines: str) -> CIMultiDict[str]:
    return CIMultiDict([("Prefer", each) for each in lines])


def test_preferences_are_read_and_what_is_not_understood_is_passed_over() -> None:
    assert headers.wait_s(preferred("wait=10")) == 10
    assert headers.wait_s(preferred("respond-async, wait=100")) == 60
    assert headers.wait_s(preferred(f"wait={'9' * 400}")) == 60
    assert headers.wait_s(preferred("wait=soon")) == 0
    assert headers.wait_s(preferred(",; , =,")) == 0
    assert headers.wait_s(preferred()) == 0
    assert "respond-async" in headers.preferences(preferred("Respond-Async; foo=1, wait=3"))


def test_all_lines_of_preferences_are_one_list_in_which_the_first_of_a_name_counts() -> None:
    assert headers.preferences(preferred("respond-async", "wait = 5")) == {"respond-async": "", "wait": "5"}
    assert headers.wait_s(preferred("wait=7, wait=8", "wait=9")) == 7


def test_what_stands_in_a_preference_is_none_itself() -> None:
    assert headers.wait_s(preferred("handling=lenient; wait=4")) == 0
    assert headers.wait_s(preferred('wait=5; until="a, wait=6"; wait=7')) == 5
    assert headers.wait_s(preferred('name="x; y, wait=4", wait="3"')) == 3


def test_the_last_event_id_is_a_number_of_ours_or_nothing() -> None:
    assert headers.last_event_id({"Last-Event-ID": "12"}) == 12
    assert [headers.last_event_id(each) for each in ({}, {"Last-Event-ID": ""})] == [0, 0]
    assert {headers.last_event_id({"Last-Event-ID": each}) for each in ("x", "-1", "1.5", "٣", "9" * 30)} == {None}


def test_a_sane_request_name_is_kept() -> None:
    assert headers.request_id({"x-request-id": "a.B-1_2:3"}) == "a.B-1_2:3"
    assert [headers.request_id({"x-request-id": each}) for each in ("", "a b", "x" * 129, "a\nb")] == [None] * 4


def test_json_is_json_in_utf8_only() -> None:
    assert headers.is_json("application/json", None)
    assert headers.is_json("application/json", "UTF-8")
    assert not headers.is_json("application/json", "latin-1")
    assert not headers.is_json("text/plain", None)


@pytest.mark.parametrize(("given", "said"), [("true", True), ("1", True), ("False", False), ("0", False)])
def test_a_flag_is_on_or_off(given: str, said: bool) -> None:
    assert headers.flag({"stream": given}, "stream") is said
    assert headers.flag({}, "stream") is False


@pytest.mark.parametrize("given", ["", "null", "yes"])
def test_a_flag_that_is_neither_is_refused(given: str) -> None:
    with pytest.raises(Problem):
        headers.flag({"stream": given}, "stream")


def test_what_stands_once_contradicts_nothing() -> None:
    query = MultiDict([("limit", "1"), ("after", "x"), ("include[]", "a"), ("include[]", "b")])
    headers.must_not_contradict(CIMultiDict([("Authorization", "Bearer a"), ("Accept", "a"), ("Accept", "b")]), query)


@pytest.mark.parametrize("name", ["Authorization", "Idempotency-Key", "Cancel-After", "Last-Event-ID"])
def test_a_header_that_we_go_by_stands_once(name: str) -> None:
    with pytest.raises(Problem, match=f"{name} stands twice") as caught:
        headers.must_not_contradict(CIMultiDict([(name, "a"), (name.lower(), "a")]), MultiDict())

    assert caught.value.error.param == name


def test_a_name_stands_once_in_a_query() -> None:
    with pytest.raises(Problem) as caught:
        headers.must_not_contradict(CIMultiDict(), MultiDict([("limit", "1"), ("limit", "2")]))

    assert (caught.value.status, caught.value.error.param) == (400, "limit")


@pytest.mark.parametrize("given", [[], [""], ["identity"], ["gzip"], [" GZip "], ["deflate"]])
def test_a_body_may_be_packed_as_we_unpack_it(given: list[str]) -> None:
    headers.must_be_readable(CIMultiDict([("Content-Encoding", each) for each in given]))


@pytest.mark.parametrize(
    "given", [["foo"], ["x-gzip"], ["br"], ["zstd"], ["gzip, gzip"], ["identity, gzip"], ["gzip", "gzip"]]
)
def test_a_body_packed_otherwise_is_refused_by_the_name_of_the_header(given: list[str]) -> None:
    with pytest.raises(Problem) as caught:
        headers.must_be_readable(CIMultiDict([("Content-Encoding", each) for each in given]))

    assert (caught.value.status, caught.value.error.param) == (415, "Content-Encoding")


def test_a_name_of_the_query_that_is_not_known_is_refused_by_that_name() -> None:
    headers.must_be_known(["limit", "include[]"], {"limit", "after"})
    with pytest.raises(Problem) as caught:
        headers.must_be_known(["limit", "filter"], {"limit", "after"})

    assert (caught.value.status, caught.value.error.param) == (400, "filter")
