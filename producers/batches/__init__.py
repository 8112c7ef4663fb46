"""Batches in Redis.

- `store`: what became of each, who runs it, and how far it is
"""
