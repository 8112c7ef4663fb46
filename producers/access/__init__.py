"""Who may ask.

- `keys`: API keys, minted and known again by their hash
- `registry`: tenants and keys, read from the log into memory
"""
