"""Who may do what, how often and how much.

- `admission`: what a key is for: its scopes and models. Pure
- `counts`: how often it asks, counted in Redis
- `limits`: how often and how much it may, as headers and refusals. Pure
- `sign_ins`: who may go on guessing keys. Pure
- `tickets`: a URL that opens once, for a browser
"""
