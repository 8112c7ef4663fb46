"""References are followed once each: what checking them costs grows with their number, and no faster."""

from typing import Any

from producers.prompts import references


class Looked(dict[str, Any]):
    """A schema that counts how often it is asked what stands in it."""

    times = 0

    def __contains__(self, key: object) -> bool:
        Looked.times += 1
        return super().__contains__(key)


def looks(count: int, fan: int) -> int:
    """At a chain of so many definitions, each of which needs so many of those that follow."""
    names: dict[str, Any] = {}
    for n in range(count):
        following = [Looked({"$ref": f"#/$defs/D{min(n + step, count)}"}) for step in range(1, fan + 1)]
        held = {f"p{step}": each for step, each in enumerate(following)}
        names[f"D{n}"] = Looked(type="object", properties=held, required=list(held))
    names[f"D{count}"] = Looked(type="string")
    Looked.times = 0
    references.check("s", Looked({"$defs": names}))
    return Looked.times


def test_twice_as_many_references_are_twice_the_work() -> None:
    for fan in (1, 8):
        assert looks(200, fan) <= 2.2 * looks(100, fan)
