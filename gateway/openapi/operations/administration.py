"""Keys, tenants and the record of acts, for keys of the scope `admin`."""

from collections.abc import Mapping
from typing import Final

from gateway.admin.dead_letters import DiscardBody, RedriveBody, SweepBody
from gateway.admin.keys import KeyBody, KeyChangeBody, RotateBody
from gateway.admin.tenants import TenantBody
from gateway.openapi.operation import PAGE, Operation, query, replies
from gateway.shapes.administration import (
    ActPageShape,
    ApiKeyDeletedShape,
    ApiKeyPageShape,
    ApiKeyShape,
    LetterInFullShape,
    LetterPageShape,
    SweepShape,
    TenantPageShape,
    TenantShape,
)
from producers.letters.letter import State
from producers.log.dead_letters import Reason

_KEY: Final = "/v1/admin/keys/{key_id}"
_LETTER: Final = "/v1/admin/dead_letters/{letter_id}"
_TENANT: Final = "/v1/admin/tenants/{tenant}"
_KEPT: Final = "Cache-Control"

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("POST", "/v1/admin/keys"): Operation(
        "Administration",
        "Make a key",
        {200: replies(ApiKeyShape, "The key: this answer alone holds it.", _KEPT)},
        takes=KeyBody,
    ),
    ("GET", "/v1/admin/keys"): Operation(
        "Administration",
        "List keys",
        {200: replies(ApiKeyPageShape, "A page of them.", _KEPT)},
        asks=(
            *PAGE,
            query("tenant", str, "Only the keys of this tenant."),
            query("prefix", str, "Only the keys that begin so."),
        ),
    ),
    ("GET", _KEY): Operation("Administration", "Read a key", {200: replies(ApiKeyShape, "The key.", _KEPT)}),
    ("POST", _KEY): Operation(
        "Administration",
        "Change what a key may do",
        {200: replies(ApiKeyShape, "As it is now.", _KEPT)},
        about="What is left out stays as it is; a limit that is null is taken away.",
        takes=KeyChangeBody,
    ),
    ("DELETE", _KEY): Operation(
        "Administration", "Revoke a key", {200: replies(ApiKeyDeletedShape, "It is refused from now on.", _KEPT)}
    ),
    ("POST", f"{_KEY}/rotate"): Operation(
        "Administration",
        "Give a key another secret",
        {200: replies(ApiKeyShape, "The key with its new secret: this answer alone holds it.", _KEPT)},
        takes=RotateBody,
        body_required=False,
    ),
    ("GET", "/v1/admin/tenants"): Operation(
        "Administration", "List tenants", {200: replies(TenantPageShape, "A page of them.", _KEPT)}, asks=PAGE
    ),
    ("GET", _TENANT): Operation("Administration", "Read a tenant", {200: replies(TenantShape, "The tenant.", _KEPT)}),
    ("POST", _TENANT): Operation(
        "Administration",
        "Name and limit a tenant",
        {200: replies(TenantShape, "As it is now.", _KEPT)},
        takes=TenantBody,
    ),
    ("GET", "/v1/admin/dead_letters"): Operation(
        "Administration",
        "List dead letters",
        {200: replies(LetterPageShape, "A page of them.", _KEPT)},
        asks=(
            *PAGE,
            query("state", State, "What was done about it."),
            query("reason", Reason, "Why it was buried."),
            query("tenant", str, "Only those of this tenant's prompts, where that is known."),
            query("model", str, "Only those of prompts for this model, where that is known."),
            query("created_after", str, "Buried then or later: unix seconds or RFC 3339."),
            query("created_before", str, "Buried before then."),
        ),
    ),
    ("POST", "/v1/admin/dead_letters/redrive"): Operation(
        "Administration",
        "Redrive dead letters as they were",
        {200: replies(SweepShape, "What became of each: go on behind `last_id` while it `has_more`.", _KEPT)},
        about="The oldest first, of those that are dead. What is refused stays dead.",
        takes=SweepBody,
        body_required=False,
    ),
    ("GET", _LETTER): Operation(
        "Administration", "Read a dead letter", {200: replies(LetterInFullShape, "The letter.", _KEPT)}
    ),
    ("POST", f"{_LETTER}/redrive"): Operation(
        "Administration",
        "Redrive a dead letter",
        {200: replies(LetterInFullShape, "The letter, with its new job.", _KEPT)},
        about="Its prompt, or the one that is given in its place, becomes a new job of its tenant and key. The job "
        "follows from the letter and the number, which is one more than its redrives for a new one.",
        takes=RedriveBody,
        body_required=False,
        fails=(409,),
    ),
    ("POST", f"{_LETTER}/discard"): Operation(
        "Administration",
        "Discard a dead letter",
        {200: replies(LetterInFullShape, "The letter, discarded.", _KEPT)},
        takes=DiscardBody,
        fails=(409,),
    ),
    ("GET", "/v1/admin/audit"): Operation(
        "Administration",
        "List who did what",
        {200: replies(ActPageShape, "A page of the record.", _KEPT)},
        asks=(*PAGE, query("of", str, "Only the acts of this key or tenant, or upon it.")),
    ),
}
