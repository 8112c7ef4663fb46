"""From what somebody asks to a `PromptSubmitted`: the same checks and bounds for the gateway and for trusted services.

- `bodies`, `bounds`, `unserved`: what may be said, how much of it, and what is refused by name
- `saying`, `reading`: what a program says becomes a body, and a body a prompt
- `publishing`, `blocking`: prompts straight to the log, for trusted services
"""
