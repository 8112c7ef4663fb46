"""From what somebody asks to a `PromptSubmitted`: the same checks and bounds for the gateway and for trusted services.

- `bodies`, `bounds`, `unserved`: what may be said, how much of it, and what is refused by name
- `reading`: a body becomes a prompt
"""
