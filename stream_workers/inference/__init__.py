"""Inference: prompts in, answers out.

- `agent`: the shell around Faust; `life`: the steps of a job; `attempting`, `answering`: one attempt and its tries
- `renewals`: leases kept and verdicts heard; `screen`: what readers are shown; `slots`: how many at a time
- `tgi`: the model server; `trouble`, `parameters`, `stops`, `tokens`, `endings`: decisions, without I/O
- `service`: all of it put together; `counts`: what it counts; `fuse`: for fault tests
"""
