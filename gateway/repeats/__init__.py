"""Requests that are repeated under their Idempotency-Key.

- `table`: what becomes of a repeat, route by route
- `making`: what handlers are given, so that what they make is made once
"""
