"""A model server that speaks TGI 3.3's HTTP, embedded: the real small model, or a timed stand-in that obeys knobs.

- `options`: the limits, under TGI's own names
- `wire`, `bodies`: the shapes of requests, and how a body becomes one
- `errors`: the two families of refusals
- `validation`: which values are accepted, and how many tokens may be made
- `engine`: what an engine must do; `llama` does it with llama.cpp, `timed` with a clock
- `answer`: tokens become text, a stop is found
- `service`: permits, metrics and one generation from arrival to end
- `native`, `chat`, `completions`, `tokens`, `plain`: the routes
- `app`: the table of routes, API key, CORS
- `cli`: `headrace tgi`
"""
