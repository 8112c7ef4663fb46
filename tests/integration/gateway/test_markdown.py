"""POST /v1/markdown: texts as HTML, within bounds."""

from tests.support.gateway import RunningGateway


async def test_texts_come_back_block_by_block(gateway: RunningGateway) -> None:
    answer = await gateway.post("/v1/markdown", {"texts": ["*a*\n\nb", ""]})

    assert answer.status == 200
    assert answer.json["data"] == [
        {
            "object": "markdown",
            "blocks": [{"line": 0, "html": "<p><em>a</em></p>\n"}, {"line": 2, "html": "<p>b</p>\n"}],
        },
        {"object": "markdown", "blocks": []},
    ]


async def test_what_is_too_much_is_refused_and_what_is_allowed_counts_as_a_read(gateway: RunningGateway) -> None:
    refused = [
        await gateway.post("/v1/markdown", {"texts": texts})
        for texts in (["a"] * 65, ["a" * 32_769], ["a" * 30_000] * 5, "a")
    ]
    longest = await gateway.post("/v1/markdown", {"texts": ["a" * 32_768] * 4})

    assert [each.status for each in refused] == [400] * 4
    assert {each.json["error"]["param"] for each in refused} == {"texts"}
    assert longest.status == 200
    assert longest.headers["RateLimit-Policy"].startswith('"reads"')
