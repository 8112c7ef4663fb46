"""Kafka in, Kafka out: the only room that knows Faust.

- `app`, `transport`, `ledger`: a Faust app that commits nothing still in work
- `pen`: publishing through it; `patience`: doing a step again while a part is away
- `inference`: prompts in, answers out (the `worker` process)
- `views`: one loop that follows the log into Redis, for the three below
- `fanout`: jobs, conversations and the answer cache as Redis shows them
- `webhooks`: endings told to clients (the process deliver)
- `retraining`: answers and feedback joined into examples (the process retrain)
- `settings`, `cli`: what can be set, and the commands
"""
