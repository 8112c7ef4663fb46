"""The commands that are built on the client.

- `submit`: `headrace submit`, with `prompts` (what was typed or listed), `many` (many at once) and `progress` (how far)
- `job`: `headrace job`, with `history` (all that can be found of one) and `drawn` (how it looks on a terminal)
- `tour`: `headrace tour`, which `headrace up` and `headrace demo` run to show a new stack at work
"""
