"""The process `ingest`: every record once in its table, whatever dies.

- `ingesting`: read, batch, write, and only then say how far
- `tables`: which topic goes to which, and how
- `batches`, `writer`: records that are written together, and writing them
- `burial`: what is no event of ours
- `progress`: what is told of all that
- `cli`: `headrace ingest`
"""
