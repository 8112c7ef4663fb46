"""Markdown to HTML that is safe to show, block by block. Pure.

What a model writes is hostile until proved otherwise: raw HTML stays text, a link goes to http, https or mail only, an
image is a link (to load it would tell its host who reads), and what turns the direction of text is made visible.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

LONGEST_CODE, LONGEST_LINE = 12_000, 200
"""Longer code is shown without colours: some lexers take long over what nobody reads anyway."""
MOST_BRACKETS, MOST_CELLS = 2_000, 20_000
"""A text with more is rendered without links and tables: to look for them would take seconds."""
DEEPEST = 60
"""A text of blocks within blocks that go deeper is shown as it was written: markdown-it leaves out what lies below."""
_NAMES = (
    "bash console css diff docker dockerfile go golang html ini javascript js json jsx lua py python rb rs ruby rust "
    "sh shell sql toml ts typescript tsx xml yaml yml zsh"
)
LANGUAGES = frozenset(_NAMES.split())
"""The lexers that text from outside may choose; that of Java takes most of a minute over 20 KB of
`a b a b`, those of the C family seconds."""

_MAY_LINK = re.compile(r"(?:https?://|mailto:)[^\s]", re.I)
_TURNS_TEXT = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)], "\ufffd")
_FORMATTER: Any = HtmlFormatter(nowrap=True)


@dataclass(frozen=True)
class Block:
    """One block of a text, and the line (from 0) on which it begins: what stands before it is settled."""

    line: int
    html: str


def rendered(text: str) -> list[Block]:
    """The blocks of a text, in their order; a newline alone ends its lines."""
    environment: dict[str, Any] = {}
    markdown = _PLAINER if _is_laborious(text) else _MARKDOWN
    shown = text.translate(_TURNS_TEXT)
    tokens = markdown.parse(shown, environment)
    if max((each.level for each in tokens), default=0) >= DEEPEST - 1:
        return [Block(0, f"<pre><code>{html.escape(shown)}</code></pre>\n")]
    return [
        Block((each[0].map or [0])[0], markdown.renderer.render(each, markdown.options, environment))
        for each in _blocks(tokens)
    ]


def _is_laborious(text: str) -> bool:
    pipes = [count for line in text.split("\n") if (count := line.count("|"))]
    return text.count("[") > MOST_BRACKETS or len(pipes) * max(pipes, default=0) > MOST_CELLS


def _blocks(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    block: list[Token] = []
    for token in tokens:
        block.append(token)
        if token.level == 0 and token.nesting <= 0:
            yield block
            block = []


def _link(self: Any, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    href = html.escape(str(tokens[at].attrs.get("href", "")))
    return f'<a href="{href}" title="{href}" target="_blank" rel="noopener noreferrer nofollow ugc">'


def _image(self: Any, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    alt = self.renderInlineAsText(tokens[at].children or [], options, env) or "image"
    href = html.escape(str(tokens[at].attrs.get("src", "")))
    attributes = f'href="{href}" title="{href}" target="_blank" rel="noopener noreferrer nofollow ugc"'
    return f'<a class="picture" {attributes}>{html.escape(alt)}</a>'


def _code(self: Any, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    token = tokens[at]
    named = token.info.split()[0].lower()[:20] if token.info.strip() else ""
    return f'<pre data-language="{html.escape(named)}"><code>{_coloured(token.content, named)}</code></pre>\n'


def _cell(self: Any, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    # No style may be said in place: the pages' policy forbids it, for everybody's good.
    side = str(tokens[at].attrs.get("style", "")).removeprefix("text-align:")
    return f'<{tokens[at].tag} class="{side}">' if side else f"<{tokens[at].tag}>"


def _coloured(code: str, language: str) -> str:
    if language in LANGUAGES and len(code) <= LONGEST_CODE and max(map(len, code.split("\n"))) <= LONGEST_LINE:
        try:
            return str(highlight(code, get_lexer_by_name(language, stripnl=False), _FORMATTER))
        except ClassNotFound:
            pass  # an older Pygments knows fewer
    return html.escape(code)


_RULES = {
    "link_open": _link,
    "image": _image,
    "fence": _code,
    "code_block": _code,
    "th_open": _cell,
    "td_open": _cell,
}


def _markdown() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": DEEPEST}).enable(
        ["table", "strikethrough"]
    )
    made.validateLink = lambda url: _MAY_LINK.match(url) is not None  # type: ignore[method-assign]
    for name, rule in _RULES.items():
        made.add_render_rule(name, rule)
    return made


_MARKDOWN = _markdown()
_PLAINER = _markdown().disable(["link", "image", "reference", "table"])
