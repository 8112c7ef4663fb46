"""The way of a prompt: from a request into the log, and on to whoever waits for its answer.

- `entrance`: it is read (by `producers.prompts`), and let in if it may now
- `submission`: its job is made, and the log holds it; or
- `earlier_answers`: the cache has its answer
- `waiting`: its client waits for the whole answer, or for a stream of it
- `job_desk`: what is asked of its job from then on: find it, cancel it, end it
"""
