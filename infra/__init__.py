"""The ground: settings, clock, ids, errors, telemetry, clients, the command line; no word of prompts or answers.

- `addresses`: whether a text is an address of the form that a setting takes
- `settings`: the only reader of the environment, one frozen block per part
- `clock`, `ids`: the only reader of the wall clock, the only maker of ids
- `errors`: the tree every error of ours hangs on
- `hooks`: questions put to code or servers that are not ours
- `sealing`, `signing`: secrets at rest, encrypted; webhooks, signed and verified
- `exports`: what a package offers to programs
- `telemetry`: logs, metrics, trace context
- `kafka`, `redis`, `clickhouse`: settings in, client out; `kafka_producer`: what writes to the log
- `redis_line`: many commands of one moment in one round trip
- `listening`, `tls`: where a process listens, its certificate, and how we check those of others
- `fuse`: for fault tests, the death of a process right after a step
- `service`: start, serve, drain, stop
- `loop_thread`, `blocking`: an event loop for programs that have none, and calls that wait for what is done on it
- `stack_file`, `lock`: how a running stack describes itself to the command line, and what says that it runs
- `sse`: server-sent events, both ways
- `entry`, `platforms`: the console script, and where Headrace does not run
- `cli`: the `headrace` command
- `command_line`, `screen`, `completion`: what all its commands share, and what a shell completes
- `commands`: the list of them all, for the documents
- `doctor`, `parts`: what is found of settings and parts
- `local`: the embedded stack of real parts, and where the whole is put together: it starts every process, and so knows
  their names and settings, but imports none and runs what it wants of a room as a command
"""
