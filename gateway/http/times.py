"""Times as queries give them. Pure."""

from gateway.http.problems import bad_value
from infra.errors import WrongField
from producers.prompts import bounds


def ms_of(name: str, value: str) -> float:
    """Unix seconds or RFC 3339, as ms.

    Raises:
        Problem: 400 with the parameter.
    """
    if value.isascii() and value.isdigit() and len(value) < 12:
        return int(value) * 1000.0
    try:
        return bounds.instant_ms(value)
    except WrongField:
        raise bad_value(f"{name} must be unix seconds, or a time such as 2026-01-31T08:00:00Z.", name) from None
