"""From what somebody asks to a `PromptSubmitted`: the same checks and bounds for the gateway and for trusted services.

- `bodies`, `bounds`: what may be said, and how much of it
- `weighing`: what a body may cost those who read it, weighed before they do
- `unserved`, `kinds`: what OpenAI knows and we do not serve, refused by name
- `items`: what a conversation or a response is made of, as messages
- `tools`, `schemas`: the functions that may be called, the JSON that an answer must be
- `followed`, `references`: the schemas of both as a grammar can follow them, and where they lead to themselves
- `patterns`: the regular expressions in them, and which can stand between the quotes of JSON
- `unheld`: what answers may break of a schema all the same, refused under `strict: true`
- `saying`, `reading`: what a program says becomes a body, and a body a prompt
- `response_bodies`, `responses`: the same in the words of a response
- `publishing`, `blocking`: prompts straight to the log, for trusted services
"""
