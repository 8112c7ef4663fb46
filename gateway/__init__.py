"""HTTP in, 200, 202 or SSE out.

- `routes`, `app`, `keys`: the table of URLs, what is put together for them, and under which names they find it
- `cli`, `serving`, `settings`, `background`: the process, its server, its settings, the work that outlives a request
- `middlewares`, `problems`: name the request, turn errors into answers, authenticate
- `headers`, `bodies`, `bounds`, `unserved`, `paging`: what a request says, read and checked
- `prompts`, `admission`, `submission`: what a client may ask, whether it may now, and how it gets into the log
- `jobs`, `events`, `chat`, `conversations`, `feedback`, `timeline`, `models`, `health`, `reports`: one resource a file
- `job_object`, `chat_chunks`, `chat_stream`, `streaming`: what clients are shown, as pure functions
- `live`: the one subscription that feeds every reader of a stream
- `client`: the other end of the wire: `headrace submit`
"""
