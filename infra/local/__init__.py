"""The embedded stack: real parts (Kafka, Redis, ClickHouse, a TGI-compatible server), started as child processes.

- `commands`, `stack`: what a person says to it; what it is made of, and who looks after it
- `kafka`, `redis`, `clickhouse`, `tgi`: its parts
- `receiver`, `settings`: a webhook receiver for development
- `processes`, `disk`: what all of these need: child processes, and files that are fetched
"""
