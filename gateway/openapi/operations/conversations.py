"""Conversations (conventions §7)."""

from collections.abc import Mapping
from typing import Final

from gateway.conversations.handlers import AskedConversation, AskedUpdate
from gateway.conversations.items import AskedItems
from gateway.openapi.operation import INCLUDE, LINES, PAGE, Content, Operation, Reply, replies
from gateway.shapes.conversations import (
    ConversationDeletedShape,
    ConversationPageShape,
    ConversationShape,
    ItemPageShape,
    ItemShape,
)

_CONVERSATION: Final = "/v1/conversations/{conversation_id}"

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("POST", "/v1/conversations"): Operation(
        "Conversations",
        "Open a conversation",
        {200: replies(ConversationShape, "The log holds it.")},
        takes=AskedConversation,
        body_required=False,
    ),
    ("GET", "/v1/conversations"): Operation(
        "Conversations", "List conversations", {200: replies(ConversationPageShape, "A page of them.")}, asks=PAGE
    ),
    ("GET", _CONVERSATION): Operation(
        "Conversations", "Read a conversation", {200: replies(ConversationShape, "The conversation.")}
    ),
    ("POST", _CONVERSATION): Operation(
        "Conversations",
        "Rename a conversation, or replace its metadata",
        {200: replies(ConversationShape, "As it is now.")},
        takes=AskedUpdate,
    ),
    ("DELETE", _CONVERSATION): Operation(
        "Conversations",
        "Delete a conversation and its history",
        {200: replies(ConversationDeletedShape, "It is gone.")},
    ),
    ("GET", f"{_CONVERSATION}/export"): Operation(
        "Conversations",
        "Export a conversation",
        {
            200: Reply(
                "The conversation, then its items from the first on, one JSON object a line.",
                {LINES: Content(each={"conversation": ConversationShape, "item": ItemShape})},
                ("Content-Disposition",),
            )
        },
        by_ticket=True,
    ),
    ("GET", f"{_CONVERSATION}/items"): Operation(
        "Conversations",
        "List what was said",
        {200: replies(ItemPageShape, "A page of it.")},
        asks=(*PAGE, INCLUDE),
    ),
    ("POST", f"{_CONVERSATION}/items"): Operation(
        "Conversations",
        "Add what was said elsewhere",
        {200: replies(ItemPageShape, "What was added.")},
        about="It stands behind the last turn that was taken before. An output is that of a call without one.",
        takes=AskedItems,
        asks=(INCLUDE,),
    ),
    ("GET", f"{_CONVERSATION}/items/{{item_id}}"): Operation(
        "Conversations", "Read an item", {200: replies(ItemShape, "The item.")}, asks=(INCLUDE,)
    ),
    ("DELETE", f"{_CONVERSATION}/items/{{item_id}}"): Operation(
        "Conversations",
        "Delete an item",
        {200: replies(ConversationShape, "The conversation without it.")},
        about="A call and its result go together.",
    ),
}
