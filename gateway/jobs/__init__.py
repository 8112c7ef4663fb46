"""`/v1/jobs` (conventions §8): what became of a prompt, and what is said of it.

- `handlers`: submit, read, cancel
- `finding`: the one that a URL names
- `listing`: the caller's jobs, filtered, in pages
- `events`, `streaming`: its stream, resumable at any gateway; entries to server-sent events. The latter is pure
- `timeline`: when it took each step
- `forgetting`: it is forgotten at its owner's wish
- `feedback`: somebody judges its answer
- `objects`: jobs and answers as clients see them. Pure
"""
