"""HTTP in, 200, 202 or SSE out.

- `routes`, `app`, `keys`: the table of URLs, what is put together for them, and under which names they find it
- `cli`, `process`, `serving`, `settings`, `background`: the process, its server, the work that outlives a request
- `origin`, `sign_ins`: where a request comes from, as far as proxies can be believed; and who may go on guessing
- `middlewares`, `problems`: name the request, turn errors into answers, authenticate
- `headers`, `paging`: what a request says beside its body, read and checked
- `entrance`, `admission`: the way in: a prompt is read (by `producers.prompts`), and let in if it may now
- `submission`, `earlier_answers`: how a prompt gets into the log, or finds its answer in the cache
- `job_desk`: what is asked of a job once it is there
- `jobs`, `events`, `chat`, `conversations`, `feedback`, `timeline`, `models`, `health`, `reports`: one resource a file
- `markdown`, `renderer`, `rendering`: texts as HTML that is safe to show
- `job_object`, `chat_chunks`, `chat_stream`, `streaming`: what clients are shown, as pure functions
- `live`: the one subscription that feeds every reader of a stream
- `pages`: the pages people look at, and the files they are made of
- `client`: the other end of the wire: for programs, `headrace submit` and `headrace job`
"""
