"""HTML from Python: what is text is escaped here, and nowhere else. Pure."""

import html
import re


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, *children: str, **attributes: str | None) -> Markup:
    """An element; a child that is no `Markup` is text. `class_` is an attribute; one that is None is left out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{written}>{joined(*children)}</{name}>")


def joined(*children: str) -> Markup:
    """Elements and texts behind each other."""
    return Markup("".join(each if isinstance(each, Markup) else html.escape(each) for each in children))


def prose(text: str) -> Markup:
    """A text in which `this` is code."""
    parts = re.split(r"`([^`]+)`", text)
    return joined(*(tag("code", part) if at % 2 else part for at, part in enumerate(parts)))
