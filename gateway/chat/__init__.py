"""`/v1/chat/completions` (conventions §1 and §2): a prompt whose client waits for its answer.

- `handlers`: complete
- `later`: an answer read again, or its stream taken up on whichever gateway
- `stored`: those that were stored listed, and changed or deleted
- `stream`, `chunks`: the streamed form: entries of the job's stream in, chunks out. The latter is pure
"""
