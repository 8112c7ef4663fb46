"""What a model is shown of the messages before its answer: all of them, or not the oldest turns. Pure."""

from collections.abc import Sequence

from producers.events import Ending, Message


def bytes_of(message: Message) -> int:
    """How much text a message has, that of the calls it makes included."""
    texts = (message.content, *(text for call in message.tool_calls for text in (call.name, call.arguments)))
    return sum(len(each.encode(errors="surrogatepass")) for each in texts)


def turns_in(messages: Sequence[Message]) -> list[int]:
    """Where each turn begins: at what a user says after somebody else has spoken; instructions belong to none.

    So the call of a tool and its result are always of one turn. The last turn is the one to be answered.
    """
    spoken = [(at, each.role) for at, each in enumerate(messages) if each.role != "system"]
    return [
        at
        for number, (at, role) in enumerate(spoken)
        if number == 0 or (role == "user" and spoken[number - 1][1] != "user")
    ]


def without_oldest(messages: Sequence[Message], turns: int) -> tuple[Message, ...]:
    """The messages without that many turns from the oldest on; instructions stay."""
    begins = turns_in(messages)
    return left_behind(messages, begins[turns] if turns else 0)


def left_behind(messages: Sequence[Message], cut: int) -> tuple[Message, ...]:
    """The messages from that place on, and the instructions before it."""
    return tuple(each for at, each in enumerate(messages) if at >= cut or each.role == "system")


def result_without_call(before: Sequence[Message], own: Sequence[Message]) -> int | None:
    """Which of a turn's own messages is a result that no call waits for: there is none such, or it has a result."""
    waiting = set[str | None]()
    for at, each in enumerate((*before, *own), -len(before)):
        if at >= 0 and each.role == "tool" and each.tool_call_id not in waiting:
            return at
        waiting.discard(each.tool_call_id)
        waiting.update(call.id for call in each.tool_calls)
    return None


def shown_of(ending: Ending) -> tuple[Message, ...]:
    """All that the model was shown before this answer."""
    own = ending.prompt.messages
    return (*ending.history, *(own if ending.truncated is None else left_behind(own, ending.truncated.own_cut)))
