"""The handlers of each route: what they are asked becomes a generation, and its steps an answer of their own shape.

- `native`: TGI's own, and the cloud vendors'
- `chat`, `chat_shapes`, `completions`: OpenAI's
- `plain`: those that generate nothing
"""
