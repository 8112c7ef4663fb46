"""Who is told of a job as it goes on: the stream of its answer, from Redis to any number of readers.

- `listeners`: who reads, or waits for the end
- `live`: the one subscription of this process, which tells them
- `following`: going on to read a job, from wherever its reader stands to the end; or waiting for that
- `tale`: what one kind of stream tells its reader
- `leases`: which jobs have a reader, told to Redis
- `event_stream`: the response that a reader gets
- `patience`: with readers who are slow, also of files
- `sent`: what it was sent, against what the stream says now. Pure
"""
