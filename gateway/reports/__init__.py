"""What the analytics know, for the caller's own tenant: asked of the reports process.

- `handlers`: reports, and the dashboard's charts
- `usage`: what was used and what it cost, by key, model and month
"""
