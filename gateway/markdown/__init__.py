"""`/v1/markdown`: texts as HTML that is safe to show.

- `handlers`: render
- `renderer`: one thread, at which the tenants take turns
- `rendering`: how it is done, block by block. Pure
"""
