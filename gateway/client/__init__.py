"""The other end of the wire: how `headrace submit` talks to a gateway.

- `settings`: which gateway, with which key
- `prompts`: what was typed, piped or listed in a file, as bodies of jobs
- `patience`: how long a gateway that does not answer is tried again
- `jobs`: submit, follow and wait, through refusals, lost connections and restarts
- `shown`: a job's stream as the text a terminal shows
- `many`: many prompts at once, bounded, with progress
- `progress`: signs of life on a terminal
- `cli`: the command
"""
