"""ClickHouse's native TCP protocol on the engine that the package `chdb` embeds.

One process owns the engine and its directory; every other process speaks to it with `clickhouse-driver`, as it would to
a ClickHouse server.

- `wire`: variable-length integers, strings, a buffered reader with a limit for each packet
- `types`: what a column type's bytes look like, so that the end of a block can be found
- `packets`: the packets of both directions
- `statements`: which way a statement is run: streamed, as an insert of the client's data, or whole
- `faults`: what goes wrong, with ClickHouse's own codes
- `engine`: one engine, one session for each client
- `connection`: the conversation with one client
- `server`: listens, gives each client a thread, stops cleanly
- `embedded`: the whole as a child process of ours
- `cli`: `headrace clickhouse`

Protocol: https://clickhouse.com/docs/native-protocol, revision 54429.
"""
