"""Idempotency-Keys: what is done once for each, however often it is asked for.

- `naming`: where a key counts, and what its request said (pure); jobs, batches and all else ask here
- `once`: what is no job, and is made once for each key
"""
