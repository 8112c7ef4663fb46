"""Conversations in Redis: kept, shown to models, forgotten.

- `store`: opened, listed, changed; `past`: read, from one end or the newest turns alone
- `conversation.lua`: what a turn is, which is the last, what stands before it; for every script that asks this
- `turns`, `recent`, `shown`: what a turn leaves, what is held of it, and what the model is shown
"""
