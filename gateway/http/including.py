"""What a reader asks to be included (`include`), refused where nobody knows it. Pure."""

from typing import Final

from gateway.http.headers import Named
from gateway.http.problems import bad_value

INCLUDED: Final = frozenset(
    {
        "code_interpreter_call.outputs", "computer_call_output.output.image_url", "file_search_call.results",
        "message.input_image.image_url", "message.output_text.logprobs", "reasoning.encrypted_content",
        "web_search_call.action.sources", "web_search_call.results",
    }
)  # fmt: skip
"""What OpenAI's clients may ask to be included where they read; it changes nothing here."""


def must_be_known(query: Named) -> None:
    """Nothing may be asked for that OpenAI's documents do not list.

    Raises:
        Problem: 400.
    """
    for name in ("include", "include[]"):
        for each in query.getall(name, []):
            if each not in INCLUDED:
                raise bad_value(f"include: {each[:100]!r} is nothing that can be included.", "include")
