"""A form with a file in it, read in pieces: the file is kept as it comes, the fields are few and short."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import BodyPartReader, MultipartReader, hdrs, web
from aiohttp.http import HttpProcessingError

from gateway.http.problems import Problem, bad_value

Keep = Callable[[AsyncIterator[bytes]], Awaitable[None]]
"""Takes the pieces of a file."""
_PIECE_BYTES = 64 * 1024
_LONGEST_FIELD_BYTES = 4096
_FIELDS = ("purpose", "expires_after[anchor]", "expires_after[seconds]")
_PLAIN = {
    hdrs.CONTENT_ENCODING: frozenset({"", "identity"}),
    hdrs.CONTENT_TRANSFER_ENCODING: frozenset({"", "binary", "8bit", "7bit"}),
}
AROUND_FILE_BYTES = 1024 * 1024
"""More than what stands around the file in a form."""
_LONGEST_NAME = 255


@dataclass
class Form:
    """What a form said: its fields by name, and of its file the name and the size; None where there was none."""

    fields: dict[str, str] = field(default_factory=dict)
    filename: str | None = None
    size_bytes: int = 0
    _said: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """Tells this form from any that says something else; what stands between its parts has no say."""
        return hashlib.sha256(repr(self._said).encode()).hexdigest()

    def note(self, *what: str) -> None:
        """A part said so."""
        self._said.append(what)


async def pass_over(pieces: AsyncIterator[bytes]) -> None:
    """Keep nothing of a file."""
    async for _ in pieces:
        pass


async def receive(request: web.Request, keep: Keep, most_bytes: int) -> Form:
    """Read the form of a request; what its `file` holds is kept so.

    Raises:
        Problem: it is no form, or the file is too large; nothing is stored.
        Unavailable: the store cannot be reached.
    """
    if request.content_type != "multipart/form-data":
        message = "A file comes as a form: send Content-Type: multipart/form-data."
        raise Problem(415, message, code="unsupported_media_type")
    form = Form()
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if isinstance(part, MultipartReader) or part.name is None:
                raise bad_value("Every part of the form must be a field with a name.")
            name = _tellable(part.name)[:100]
            _must_be_plain(part, name)
            if name == "file":
                await _take_file(form, part, keep, most_bytes)
            else:
                await _take_field(form, part, name)
        while await request.content.readany():
            pass  # what stands behind the form says nothing, but whether it came whole
    except HttpProcessingError:
        raise bad_value("The form cannot be read: a part has a header that is none.") from None
    except (ValueError, AssertionError) as error:
        raise bad_value(f"The form cannot be read: {error}.") from None
    return form


def _tellable(name: str) -> str:
    """A name of the form without what is no text in it: aiohttp leaves bytes that are not UTF-8 as they came."""
    return name.encode(errors="replace").decode()


def _must_be_plain(part: BodyPartReader, name: str) -> None:
    """What is kept as it comes must not be meant as something else."""
    if any(part.headers.get(each, "").strip().lower() not in plain for each, plain in _PLAIN.items()):
        raise bad_value(f"{name}: a part of the form must be neither compressed nor encoded.", name)


async def _take_file(form: Form, part: BodyPartReader, keep: Keep, most_bytes: int) -> None:
    if form.filename is not None:
        raise bad_value("The form holds two files.", "file")
    form.filename = (part.filename or "file")[:_LONGEST_NAME]
    if form.filename != _tellable(form.filename):
        raise bad_value("The name of the file is not UTF-8.", "file")
    content = hashlib.sha256()
    await keep(_pieces(form, part, content, most_bytes))
    form.note("file", form.filename, content.hexdigest())


async def _pieces(form: Form, part: BodyPartReader, content: "hashlib._Hash", most_bytes: int) -> AsyncIterator[bytes]:
    while piece := await part.read_chunk(_PIECE_BYTES):
        form.size_bytes += len(piece)
        if form.size_bytes > most_bytes:
            message = f"The file is larger than {most_bytes} bytes."
            raise Problem(413, message, param="file", code="file_too_large")
        content.update(piece)
        yield piece


async def _take_field(form: Form, part: BodyPartReader, name: str) -> None:
    if name not in _FIELDS:
        raise bad_value(f"{name} is no field that is known here.", name)
    if name in form.fields:
        raise bad_value(f"{name} stands twice in the form.", name)
    value = b""
    while piece := await part.read_chunk(_LONGEST_FIELD_BYTES + 1):
        value += piece
        if len(value) > _LONGEST_FIELD_BYTES:
            raise bad_value(f"{name} is longer than {_LONGEST_FIELD_BYTES} bytes.", name)
    form.fields[name] = value.decode(errors="replace")
    form.note("field", name, form.fields[name])
