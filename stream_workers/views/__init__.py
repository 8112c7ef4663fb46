"""Views of the log in Redis: one loop that reads, for whoever says what a record does there.

- `log_view`: the loop: follow topics, apply records, seek where Redis stands
- `partitions`: which partitions a member has, and how far it has read each
- `member`: the Kafka client of a view, in a consumer group that keeps no offsets
- `records`: a record as a view reads it, and what becomes of a batch
- `settings`: how patient it is
- `parts`, `process`: what every view's process works with, and how it begins and ends
"""
