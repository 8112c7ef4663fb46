"""The life of a job in Redis (docs/architecture.md has the table): every step is one atomic script.

- `scripts`, `coalescing`: scripts run by name, those of one moment in one round trip
- `record`: a job as it stands
- `intake`: the gateway's steps: accept, acknowledge, cancel, read
- `lease`: the worker's steps: claim, renew, show, finish
- `early`, `endings`, `settling`: the endings of what never ran; publishing an ending and making it visible, for all
- `turns`: what a turn leaves in its conversation
- `positions`: where a view of the log stands
- `view`: the state view's steps: apply a record of the log, together with its offset
- `live`: what readers of a job's token stream see
"""
