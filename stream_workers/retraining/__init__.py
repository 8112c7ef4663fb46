"""Retraining: answers and the feedback on them, joined into examples that a model can learn from.

- `examples`: an answer and a feedback become an example, or not (pure)
- `join`: the view `examples` in Redis: whichever side comes second makes the example
- `service`, `cli`: the process, `headrace retrain`
"""
