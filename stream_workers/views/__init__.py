"""Views of the log in Redis: one loop that reads, for whoever says what a record does there.

- `log_view`: the loop: follow topics, apply records, seek where Redis stands
- `records`: a record as a view reads it, and what becomes of a batch
- `consumer`: the Kafka client of a view, in a consumer group that keeps no offsets
- `burial`: a record nobody can process goes to `dead.letters`
- `process`: the parts that every view's process starts and stops
"""
