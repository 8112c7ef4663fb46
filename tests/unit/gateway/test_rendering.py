"""Markdown as HTML: what a model writes stays harmless, and blocks can be rendered one after the other."""

import asyncio
from html.parser import HTMLParser

import pytest

from gateway.markdown.renderer import Renderer
from gateway.markdown.rendering import LONGEST_CODE, MOST_BRACKETS, rendered
from tests.support.hostile import HOSTILE

NAMES = "p h1 h2 h3 h4 h5 h6 em strong s a code pre span blockquote ul ol li table thead tbody tr th td hr br"
TAGS = set(NAMES.split())
ATTRIBUTES = {"href", "title", "target", "rel", "class", "start", "data-language"}


class Seen(HTMLParser):
    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}

    def handle_comment(self, data: str) -> None:
        self.tags.add("comment")

    def handle_decl(self, decl: str) -> None:
        self.tags.add("declaration")


def html_of(text: str) -> str:
    return "".join(block.html for block in rendered(text))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_makes_no_element_or_attribute_that_could_do_anything(text: str) -> None:
    seen = Seen(html_of(text))

    assert seen.tags <= TAGS
    assert {name for name, _ in seen.attributes} <= ATTRIBUTES
    assert {value.partition(":")[0] for name, value in seen.attributes if name == "href"} <= {"http", "https", "mailto"}


def test_raw_html_is_shown_as_it_was_written() -> None:
    assert html_of("<b>bold?</b>") == "<p>&lt;b&gt;bold?&lt;/b&gt;</p>\n"


def test_a_picture_is_a_link_and_a_link_gives_nothing_away() -> None:
    seen = Seen(html_of("![a chart](https://example.com/c.png)"))

    assert seen.tags == {"p", "a"}
    assert ("href", "https://example.com/c.png") in seen.attributes
    assert ("rel", "noopener noreferrer nofollow ugc") in seen.attributes


def test_blocks_begin_where_the_text_can_be_cut() -> None:
    text = "# One\ntwo\nthree\n\n- a\n\n- b\n\n```python\nx = 1\n\ny\n```\nend"

    blocks = rendered(text)
    cut = blocks[2].line
    rest = rendered("\n".join(text.split("\n")[cut:]))

    assert [block.line for block in blocks] == [0, 1, 4, 8, 13]
    assert [(block.line + cut, block.html) for block in rest] == [(block.line, block.html) for block in blocks[2:]]


def test_code_has_colours_only_where_that_is_quick() -> None:
    assert '<span class="k">' in html_of("```python\ndef f(): pass\n```")
    assert "<span" not in html_of("```java\nclass A {}\n```")
    assert "<span" not in html_of("```python\n" + "def f(): pass\n" * LONGEST_CODE + "```")
    assert 'data-language="&quot;&gt;&lt;b&gt;"' in html_of('```"><b> x\n1\n```')


def test_links_and_tables_are_looked_for_only_where_that_is_quick() -> None:
    table = "|a" * 500 + "|\n" + "|-" * 500 + "|\n"

    assert "<td" in html_of(table + "|b|\n" * 10)
    assert "<td" not in html_of(table + "|\n" * 1000)
    assert "<a" in html_of("[a](https://b) " * 1000)
    assert html_of("![" * (MOST_BRACKETS + 1) + "**b**").endswith("<strong>b</strong></p>\n")
    assert "<a" not in html_of("[a](https://b) " * (MOST_BRACKETS + 1))


async def test_a_tenant_that_sends_much_delays_itself() -> None:
    renderer = Renderer()
    order: list[str] = []

    async def render(tenant: str) -> None:
        await renderer.render(tenant, "- a\n" * 500)
        order.append(tenant)

    async with asyncio.TaskGroup() as group:
        for tenant in ["loud"] * 20 + ["quiet"] * 2:
            group.create_task(render(tenant))
    renderer.close()

    assert [at for at, tenant in enumerate(order) if tenant == "quiet"] == [1, 3]


def test_a_table_keeps_its_sides() -> None:
    assert '<td class="right">1</td>' in html_of("| a |\n| -: |\n| 1 |")


def test_what_turns_the_direction_of_text_is_made_visible() -> None:
    assert html_of("\u202egnp.exe") == "<p>\ufffdgnp.exe</p>\n"


@pytest.mark.parametrize("depth", [5, 20, 28, 29, 30, 100, 5000])
def test_no_word_is_left_out_however_deep_it_stands(depth: int) -> None:
    listed = "\n".join(f"{'  ' * level}- item{level}." for level in range(min(depth, 100)))
    quoted = f"{'>' * depth} quoted."

    assert [level for level in range(min(depth, 100)) if f"item{level}." not in html_of(listed)] == []
    assert "quoted." in html_of(quoted)
