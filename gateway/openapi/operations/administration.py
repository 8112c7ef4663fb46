"""Keys, tenants and the record of acts, for keys of the scope `admin`."""

from collections.abc import Mapping
from typing import Final

from gateway.admin.keys import KeyBody, KeyChangeBody, RotateBody
from gateway.admin.tenants import TenantBody
from gateway.openapi.operation import PAGE, Operation, query, replies
from gateway.shapes.administration import (
    ActPageShape,
    ApiKeyDeletedShape,
    ApiKeyPageShape,
    ApiKeyShape,
    TenantPageShape,
    TenantShape,
)

_KEY: Final = "/v1/admin/keys/{key_id}"
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
    ("GET", "/v1/admin/audit"): Operation(
        "Administration",
        "List who did what",
        {200: replies(ActPageShape, "A page of the record.", _KEPT)},
        asks=(*PAGE, query("of", str, "Only the acts of this key or tenant, or upon it.")),
    ),
}
