"""What goes wrong between a client and the engine, with ClickHouse's own error codes.

Codes: https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp
"""

from infra.errors import HeadraceError, NeverTryAgain

TOO_LARGE_SIZE_COMPRESSED = 39
CHECKSUM_DOESNT_MATCH = 40
NOT_IMPLEMENTED = 48
UNKNOWN_TYPE = 50
SYNTAX_ERROR = 62
UNKNOWN_COMPRESSION_METHOD = 89
UNEXPECTED_PACKET_FROM_CLIENT = 101
UNKNOWN_SETTING = 115
TOO_LARGE = 131
READONLY = 164
TOO_MANY_CLIENTS = 202
QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING = 216
NOT_ENOUGH_SPACE = 243
CORRUPTED_DATA = 246
CANNOT_DECOMPRESS = 271
QUERY_WAS_CANCELLED = 394
UNKNOWN_QUERY_PARAMETER = 456
AUTHENTICATION_FAILED = 516
UNKNOWN_EXCEPTION = 1002


class QueryFault(NeverTryAgain):
    """The statement was refused, by the engine or by us; the conversation can go on."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class ProtocolFault(NeverTryAgain):
    """What the client sends cannot be followed any further: it is told why, and let go."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class ClientGone(HeadraceError):
    """The client closed its connection, or is silent in mid-packet."""


class Cancelled(HeadraceError):
    """The client has cancelled what it asked for; the conversation goes on."""
