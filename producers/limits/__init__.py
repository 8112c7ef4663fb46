"""What keys and tenants may use: held back, booked and told. The scripts beside the modules count.

- `standing`: how a key and its tenant stand, as the scripts tell it
- `spending`: what a prompt may cost, and what it did cost
"""
