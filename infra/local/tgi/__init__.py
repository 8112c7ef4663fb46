"""A model server that speaks TGI 3.3's HTTP, embedded: the real small model, or a timed stand-in that obeys knobs.

The way of a request: `app` finds its route, `requests` reads it, `routes` asks the `service` for a generation and gives
its steps a face; the service holds the permit, looks at values, forms and lengths, and counts; an engine makes tokens.

- `requests`: the shapes of bodies, how bytes become one, and serde's words for what is wrong
- `routes`: `native`, `chat`, `completions`, and `plain` for what generates nothing
- `app`, `server`: the table of routes, API key, CORS; listening and draining
- `service`: one generation from arrival to end; `cost` what it took, `metrics` what is counted
- `validation`, `grammar`, `tools`, `template`: the values, forms and prompts that are accepted
- `engine`: what an engine must do; `llama` does it with llama.cpp, `timed` with a clock; `slots` bounds both
- `answer`: tokens become text, an end is found
- `replies`, `stream`, `errors`: how an answer, an event and a refusal look on the wire
- `embedding`: `/embed`, as the embedding server TEI has it, over a small model
- `options`, `cli`: the limits, `headrace tgi`
- `model`, `index`: where the model lies, and where a package index keeps it
"""
