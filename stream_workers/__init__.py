"""Kafka in, Kafka out: the only room that knows Faust.

- `app`, `transport`, `ledger`: a Faust app that commits nothing still in work
- `pen`: publishing through it; `patience`: doing a step again while a part is away
- `inference`: prompts in, answers out (the `worker` process)
- `settings`, `cli`: what can be set, and the commands
"""
