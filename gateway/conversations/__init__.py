"""`/v1/conversations` (conventions §7): turns that belong together.

- `handlers`: create, list, show, rename, delete
- `items`: the messages of their turns, and what was added between them; exported, too
- `objects`: both as clients see them. Pure
"""
