"""The document as HTML, for people: it needs no script, so that it works wherever the strictest policy holds. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.openapi.markup import Markup, joined, prose, tag
from gateway.openapi.page_types import in_short, sections

Json = Mapping[str, Any]


def page(document: Json) -> str:
    """The whole page."""
    info = document["info"]
    head = joined(
        Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        tag("title", f"{info['title']} API"),
        Markup('<link rel="icon" href="/static/ground/mark.svg">'),
        Markup('<link rel="stylesheet" href="/static/ground/ground.css">'),
        Markup('<link rel="stylesheet" href="/static/docs/docs.css">'),
        Markup('<script src="/static/ground/theme.js"></script>'),
    )
    told = [_of_tag(document, each) for each in document["tags"]]
    main = tag(
        "main",
        tag("h1", f"{info['title']} API ", tag("small", info["version"])),
        tag("p", prose(info["description"]), class_="lead"),
        _how(),
        *told,
        tag("section", tag("h2", "Types"), *sections(document["components"]["schemas"]), id="types", class_="types"),
        id="main",
    )
    body = tag("body", _header(), tag("div", _contents(document), main, class_="columns"), class_="docs")
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>{body}</html>\n'


def _header() -> Markup:
    brand = joined(Markup('<img src="/static/ground/mark.svg" alt="" width="24" height="24">'), tag("span", "Headrace"))
    pages = [("Chat", "/"), ("Dashboard", "/dashboard"), ("API", "/docs")]
    links = [tag("a", name, href=path, aria_current="page" if path == "/docs" else None) for name, path in pages]
    return tag("header", tag("a", brand, class_="brand", href="/"), tag("nav", *links, aria_label="Pages"))


def _how() -> Markup:
    example = (
        'curl -H "Authorization: Bearer $HEADRACE_API_KEY" -H "Content-Type: application/json" \\\n'
        '     -d \'{"model": "…", "input": "Hello"}\' https://…/v1/jobs'
    )
    link = tag("a", "/openapi.json", href="/openapi.json")
    told = tag(
        "p", "Every route asks for an API key, but those marked ", tag("em", "open"), ". For programs: ", link, "."
    )
    return joined(told, tag("pre", tag("code", example)))


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _contents(document: Json) -> Markup:
    groups = []
    for each in document["tags"]:
        links = [
            tag("li", tag("a", _method(method), " ", tag("span", it["summary"]), href=f"#{it['operationId']}"))
            for method, _, it in _operations(document)
            if each["name"] in it["tags"]
        ]
        groups.append(joined(tag("h2", each["name"]), tag("ul", *links)))
    types = tag("h2", tag("a", "Types", href="#types"))
    return tag("nav", *groups, types, class_="contents", aria_label="Contents")


def _of_tag(document: Json, about: Json) -> Markup:
    shown = [
        _operation(document, method, path, it)
        for method, path, it in _operations(document)
        if about["name"] in it["tags"]
    ]
    return tag("section", tag("h2", about["name"]), tag("p", prose(about["description"])), *shown)


def _method(method: str) -> Markup:
    return tag("b", method, class_=f"method {method.lower()}")


def _operation(document: Json, method: str, path: str, it: Json) -> Markup:
    is_open = [tag("em", "open")] if it.get("security") == [] else []
    about = [tag("p", prose(it["description"]))] if "description" in it else []
    return tag(
        "article",
        tag("h3", tag("a", it["summary"], href=f"#{it['operationId']}")),
        tag("p", _method(method), " ", tag("code", path), " ", *is_open, class_="route"),
        *about,
        _parameters(it["parameters"]),
        _body(it.get("requestBody")),
        _responses(document, it["responses"]),
        id=it["operationId"],
    )


def _parameters(parameters: list[Json]) -> Markup:
    if not parameters:
        return Markup()
    rows = [
        tag(
            "tr",
            tag("td", tag("code", each["name"]), tag("small", each["in"])),
            tag("td", in_short(each["schema"])),
            tag("td", prose(each.get("description", ""))),
        )
        for each in parameters
    ]
    return _table("Parameters", rows)


def _body(body: Json | None) -> Markup:
    if body is None:
        return Markup()
    told = [joined(in_short(each["schema"]), " as ", tag("code", media)) for media, each in body["content"].items()]
    needed = "" if body["required"] else ", which may be left out"
    return joined(tag("h4", "Body"), *(tag("p", each, needed) for each in told))


def _responses(document: Json, responses: Json) -> Markup:
    rows = [_response(status, each) for status, each in responses.items() if "$ref" not in each]
    rows += [
        _response(status, document["components"]["responses"][each["$ref"].rsplit("/", 1)[-1]], "error")
        for status, each in responses.items()
        if "$ref" in each
    ]
    return _table("Answers", rows)


def _response(status: str, told: Json, kind: str = "") -> Markup:
    contents = [_content(media, each) for media, each in told.get("content", {}).items()] if not kind else []
    named = [name for name in told.get("headers", {}) if "ratelimit" not in name.lower() and name != "x-request-id"]
    headers = [tag("small", "with ", *_codes(named))] if named else []
    cells = (tag("td", tag("code", status)), tag("td", *contents), tag("td", prose(told["description"]), *headers))
    return tag("tr", *cells, class_=kind or None)


def _content(media: str, content: Json) -> Markup:
    each = content.get("x-each")
    if each is None:
        shape = in_short(content["schema"]) if content.get("schema") and media == "application/json" else Markup()
        return tag("div", shape, tag("small", media))
    shapes = {in_short(schema): [] for schema in each.values()}  # type: dict[Markup, list[str]]
    for name, schema in each.items():
        shapes[in_short(schema)].append(name)
    told = [tag("div", shape, tag("small", *_codes(names))) for shape, names in shapes.items()]
    return tag("details", tag("summary", media), *told)


def _codes(names: list[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        found += [", " if found else "", tag("code", name)]
    return found


def _table(title: str, rows: list[Markup]) -> Markup:
    return joined(tag("h4", title), tag("div", tag("table", tag("tbody", *rows)), class_="wide"))
