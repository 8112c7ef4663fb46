"""`/v1/embeddings`: texts as vectors. Nothing of it is kept, so nothing of it goes through the log.

- `handlers`: embed
- `asking`: what is asked, and the answer (pure)
- `embedding`: texts are embedded for somebody, and counted
- `server`: the embedding server
- `turns`: who may ask it now
- `settings`: where that is, and what it takes
"""
