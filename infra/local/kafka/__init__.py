"""A real Apache Kafka of one node, embedded.

- `embedded`: how it is run
- `warmup`: what makes it start quickly
- `segments`: what of its log may go. Pure
"""
