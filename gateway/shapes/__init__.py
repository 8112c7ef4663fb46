"""What the gateway answers, as types: one class a shape, named after it, from which the OpenAPI document is written.

They only describe: what makes an answer is annotated with its shape, or held to it by a test. A class `JobShape` is
`Job` in the document, and its docstring is what the document says of it.

- `errors`: the one shape of every error
- `answers`: chat completions, whole and in chunks
- `jobs`: jobs, the events of their stream, timelines, feedback
- `responses`: OpenAI's responses and their events
- `conversations`: conversations and their items
- `files`: files and batches
- `administration`: keys, tenants, the record of acts
- `operating`: models, embeddings, tickets, reports, rendered Markdown, whether the process is well
"""
