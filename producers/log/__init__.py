"""The log: its topics, what a record is made of, and the pens that write it.

- `topics`, `topic_admin`: what topics there are; made and compared on the broker
- `codec`, `outgoing`, `partitioning`, `places`: from an event to a record, and where it stands
- `publisher`: the pen over aiokafka
- `dead_letters`: what nobody can process
"""
