"""Fan-out: the state view of the log in Redis (jobs, conversations, answer cache), and the reaper.

- `state`: what a record of the log does in the state view
- `reaper`: ends the jobs that nobody else will end
- `service`, `cli`: the process, `headrace fanout`
"""
