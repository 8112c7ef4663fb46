"""ClickHouse's native TCP protocol on the engine that the package `chdb` embeds.

One process owns the engine and its directory; every other process speaks to it with `clickhouse-driver`, as it would to
a ClickHouse server.

- `wire`: variable-length integers, strings, a buffered reader with a limit for each packet
- `layouts`, `types`, `blocks`: what the bytes of a column look like, so that the end of a block can be found
- `compression`: the frames that compressed blocks travel in
- `packets`, `requests`: what the server says, what clients ask
- `channel`: one client's socket, packets both ways
- `statements`: which way a statement is run: streamed, as an insert of the client's data, or whole
- `faults`: what goes wrong, with ClickHouse's own codes
- `engine`, `session`: one engine, one session of it for each client
- `results`, `spools`: how a result goes to a client, and how its rows come in
- `running`: the queries that run, ended when nobody wants them any more
- `connection`: the conversation with one client
- `server`: listens, gives each client a thread, stops cleanly
- `embedded`: the whole as a child process of ours
- `cli`: `headrace clickhouse`

Protocol: https://clickhouse.com/docs/native-protocol, revision 54429.
"""
