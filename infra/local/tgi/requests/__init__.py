"""What is asked: the shapes of TGI's bodies, how bytes become one, and the words in which a wrong one is refused.

- `bodies`: how a body becomes a request
- `wire`: the shapes of these
- `scan`, `serde`: what stands where in a text of JSON, and how serde says what is wrong with it
"""
