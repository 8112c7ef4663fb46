"""What a person says to a stack.

- `up`: `headrace up` and `headrace demo`; `tour`: what these show
- `stack`: `headrace status`, `stop` and `reset`, from another terminal; `standing_shown`: how it stands, in words
- `env`: `headrace env`
"""
