"""Kafka in, ClickHouse out: what happened, in tables that can be asked.

- `settings`: what is stored, for how long, how it is read
- `migrate`, `migrations/`: the tables, as numbered steps with their way back
- `rows`, `tables`: events to rows, topics to tables
- `batches`, `writer`, `burial`, `progress`, `ingest`: the process `ingest`, which writes every record once
- `questions`, `queries/`, `sources/`: the named queries, a sentence on top of each, and what they may read
- `ranges`: what a query can be asked for
- `charts`, `charts.toml`, `shaping`: the charts of the dashboard as data, and rows made into what they show
- `reports`, `dashboard`, `reader`, `keys`: the process `reports`, read-only HTTP over all that
- `migrate_cli`, `ingest_cli`, `reports_cli`: the commands
"""
