"""Answers that are there.

- `answer_cache`, `cache_policy`: the cache of them, and when one may be reused
- `feedback`: what was said of them
"""
