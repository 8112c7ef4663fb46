"""Dead letters as people meet them: kept in Redis as the log tells of them, read, redriven.

- `letter`: a letter as it stands, and the prompt in it
- `store`: kept, found, listed; `filing` is what the scripts are told
- `rewriting`: its prompt as a body that can be edited, and the prompt of a redrive
- `shown`: as people are shown it
"""
