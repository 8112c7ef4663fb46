"""HTTP in, 200, 202 or SSE out.

What is put together, and the process it runs in:

- `routes`, `app`, `keys`: the table of URLs, what is put together for them, and under which names they find it
- `cli`, `process`, `serving`, `settings`: the process, its server, and what it is told
- `background`: the work that outlives a request
- `health`: whether the process lives, whether it can serve, and what it has counted

Around every handler:

- `http`: how a request is read, and in which shapes everything is answered
- `access`: who may do what, how often and how much
- `middlewares`: name the request, tell errors, sign in, count, make once
- `repeats`: what becomes of a request that is repeated under its Idempotency-Key

From a prompt to its answer:

- `prompts`: its way into the log, and on to whoever waits; `no_job`: why it has no job
- `readers`: who is told of a job as it goes on

Resources, each a folder (or a module, where it needs no more):

- `jobs`, `chat`, `responses`: three ways to ask
- `conversations`, `files`, `batches`, `embeddings`, `models`, `markdown`, `tickets`
- `reports`: what the analytics know; `prices`: what tokens cost
- `admin`: keys, tenants and the record of acts upon them, for administrators

Beside them:

- `shapes`, `openapi`: what is answered, as types, and the document and the page that are written from them
- `pages`: the pages people look at, and the files they are made of
- `client`: the other end of the wire: for programs, `headrace submit` and `headrace job`
"""
