"""The embedded stack: real parts (Kafka, Redis, ClickHouse, a TGI-compatible server), started as child processes."""
