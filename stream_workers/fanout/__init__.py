"""Fan-out: the state view of the log in Redis (jobs, conversations, answer cache), the reaper and the keeper.

- `state`, `state_view`: what a record of the log does in the state view; the scripts that do it
- `reaper`: ends the jobs that nobody else will end; `sight`: for how long it has seen Redis
- `keeper`: tells anew of conversations in use, before the log forgets that they were created
- `service`, `cli`: the process, `headrace fanout`
"""
