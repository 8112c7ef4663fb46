"""HTTP in, 200, 202 or SSE out.

- `routes`, `app`: the table of URLs, and what is put together for them
- `middlewares`, `problems`: name the request, turn errors into answers, authenticate
- `prompts`, `admission`: what a client may ask, and whether it may now
- `jobs`, `events`, `chat`, `conversations`, `feedback`, `timeline`, `models`, `health`, `reports`: one resource a file
- `job_object`, `chat_chunks`, `streaming`: what clients are shown, as pure functions
- `live`: the one subscription that feeds every reader of a stream
- `client`: the other end of the wire: `headrace submit`
"""
