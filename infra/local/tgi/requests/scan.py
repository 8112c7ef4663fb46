"""Where each value of a JSON text stands, and what TGI's parser (serde_json) says of a text that is no JSON."""

import re

Path = tuple[str | int, ...]
Span = tuple[int, int]

_SPACE = re.compile(rb"[ \t\r\n]*")
_PLAIN = re.compile(rb'[^"\\\x00-\x1f]*')
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NUMBER_BEGUN = re.compile(rb"-?(?:0|[1-9][0-9]*)?(?:\.[0-9]*)?(?:[eE][+-]?)?")
_HEX = re.compile(rb"[0-9a-fA-F]{4}")
_WORDS = {b"n": b"null", b"t": b"true", b"f": b"false"}
_DEEPEST = 127


class NoJson(ValueError):
    """The text is no JSON: `text` is what serde_json says; as a whole, with the path to where it was reading first."""

    def __init__(self, path: Path, text: str) -> None:
        where = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in path).lstrip(".")
        super().__init__(f"{where}: {text}" if where else text)
        self.text = text


def place(raw: bytes, at: int) -> str:
    """`line L column C` of the first `at` bytes, as serde counts: columns are bytes."""
    line, begin = raw.count(b"\n", 0, at) + 1, raw.rfind(b"\n", 0, at) + 1
    return f"line {line} column {at - begin}"


def spans(raw: bytes) -> dict[Path, Span]:
    """Start and end of every value that is whole, by its path; of a broken text those before the fault."""
    scanner = _Scanner(raw)
    try:
        scanner.value((), 0)
    except NoJson:
        pass
    return scanner.found


def fault(raw: bytes) -> NoJson | None:
    """What serde_json says of the text; None if it begins with a whole value."""
    try:
        _Scanner(raw).value((), 0)
    except NoJson as error:
        return error
    return None


class _Scanner:
    """Reads one value; `_at` is the next byte."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0
        self.found: dict[Path, Span] = {}

    def value(self, path: Path, depth: int) -> None:
        head = self._peek()
        start = self._at
        if head in b"{[" and depth == _DEEPEST:
            raise self._at_next(path, "recursion limit exceeded")
        match head:
            case b"{":
                self._object(path, depth)
            case b"[":
                self._list(path, depth)
            case b'"':
                self._string(path)
            case b"n" | b"t" | b"f":
                self._word(path, _WORDS[head])
            case b"":
                raise self._at_next(path, "EOF while parsing a value")
            case _:
                self._number(path)
        self.found[path] = (start, self._at)

    def _peek(self) -> bytes:
        space = _SPACE.match(self._raw, self._at)
        self._at = space.end() if space else self._at
        return self._raw[self._at : self._at + 1]

    def _object(self, path: Path, depth: int) -> None:
        self._at += 1
        first = True
        while (head := self._next_member(path, b"}", "an object", first=first)) != b"}":
            if head != b'"':
                raise self._at_next(path, "key must be a string" if head else "EOF while parsing a value")
            start = self._at
            self._string(path)
            name = self._raw[start + 1 : self._at - 1].decode()
            if (colon := self._peek()) != b":":
                raise self._at_next(path, "expected `:`" if colon else "EOF while parsing an object")
            self._at += 1
            self.value((*path, name), depth + 1)
            first = False

    def _list(self, path: Path, depth: int) -> None:
        self._at += 1
        index = 0
        while self._next_member(path, b"]", "a list", first=index == 0) != b"]":
            self.value((*path, index), depth + 1)
            index += 1

    def _next_member(self, path: Path, end: bytes, whole: str, *, first: bool) -> bytes:
        """The first byte of the next member, or the end, which is read."""
        head = self._peek()
        if head == end:
            self._at += 1
            return head
        if not head:
            raise self._at_next(path, f"EOF while parsing {whole}")
        if first:
            return head
        if head != b",":
            raise self._at_next(path, f"expected `,` or `{end.decode()}`")
        self._at += 1
        if self._peek() == end:
            raise self._at_next(path, "trailing comma")
        return self._peek()

    def _string(self, path: Path) -> None:
        self._at += 1
        start = self._at
        while True:
            plain = _PLAIN.match(self._raw, self._at)
            self._at = plain.end() if plain else self._at
            match self._raw[self._at : self._at + 1]:
                case b'"':
                    break
                case b"\\":
                    self._escape(path)
                case b"":
                    raise self._here(path, "EOF while parsing a string")
                case _:
                    self._at += 1
                    raise self._here(path, "control character (\\u0000-\\u001F) found while parsing a string")
        self._at += 1
        try:
            self._raw[start : self._at - 1].decode()
        except UnicodeDecodeError:
            raise self._here(path, "invalid unicode code point") from None

    def _escape(self, path: Path) -> None:
        kind = self._raw[self._at + 1 : self._at + 2]
        self._at += 2
        if not kind or (kind == b"u" and len(self._raw) < self._at + 4):
            self._at = len(self._raw)
            raise self._here(path, "EOF while parsing a string")
        if kind == b"u":
            self._at += 4
            if not _HEX.fullmatch(self._raw, self._at - 4, self._at):
                raise self._here(path, "invalid escape")
        elif kind not in b'"\\/bfnrt':
            raise self._here(path, "invalid escape")

    def _word(self, path: Path, word: bytes) -> None:
        for letter in range(len(word)):
            here = self._raw[self._at : self._at + 1]
            if not here:
                raise self._here(path, "EOF while parsing a value")
            self._at += 1
            if here != word[letter : letter + 1]:
                raise self._here(path, "expected ident")

    def _number(self, path: Path) -> None:
        whole = _NUMBER.match(self._raw, self._at)
        begun = _NUMBER_BEGUN.match(self._raw, self._at)
        end = begun.end() if begun else self._at
        if end == self._at:
            raise self._at_next(path, "expected value")
        if whole is None or end > whole.end():
            self._at = end
            broken = "invalid number" if end < len(self._raw) else "EOF while parsing a value"
            raise self._at_next(path, broken)
        self._at = whole.end()
        if whole[0] in {b"0", b"-0"} and self._raw[self._at : self._at + 1].isdigit():
            raise self._at_next(path, "invalid number")

    def _here(self, path: Path, text: str) -> NoJson:
        return self._told(path, text, self._at)

    def _at_next(self, path: Path, text: str) -> NoJson:
        """The fault is the next byte, which counts as read."""
        return self._told(path, text, min(self._at + 1, len(self._raw)))

    def _told(self, path: Path, text: str, at: int) -> NoJson:
        return NoJson(path, f"{text} at {place(self._raw, at)}")
