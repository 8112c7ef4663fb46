"""The life of a job in Redis (docs/architecture.md has the table): every step is one atomic script.

- `record`: a job as it stands
- `intake`: the gateway's steps: accept, acknowledge, cancel, read
- `lease`: the worker's steps: claim, renew, show, finish
- `waiting`: where a job stands in its lane, and when it may start
- `listing`: a tenant's jobs, filtered, in pages
- `early`, `stopping`: the endings of what no worker has
- `endings`, `settling`: publishing an ending and making it visible, for all
- `oversize`: what is said of a job whose ending no record can hold
- `live`: what readers of a job's token stream see
"""
