"""`/embed` beside TGI's own routes: a small embedding model, and the route that Hugging Face's TEI has for one.

- `model`: texts as vectors
- `route`: how they are asked for
"""
