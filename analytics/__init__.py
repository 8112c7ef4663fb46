"""Kafka in, ClickHouse out: what happened, in tables that can be asked.

- `settings`: what is stored, for how long, how it is read
- `migrate`, `migrate_cli`, `migrations/`: the tables, as numbered steps with their way back
- `rows`: events to rows, one module a table
- `ingest`: the process that writes every record once
- `queries/`, `sources/`, `charts.toml`: the named queries, what they may read, and the charts that are drawn of them
- `reports`: the process that serves these
- `witness`: what ClickHouse counts, told to an audit
"""
