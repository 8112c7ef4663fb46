"""Administration over HTTP, for keys of the scope `admin`: they see and change what is everybody's.

- `keys`: /v1/admin/keys: make, list, show, change, rotate, revoke
- `tenants`: /v1/admin/tenants: list, show, limit
- `dead_letters`: /v1/admin/dead_letters: read, redrive, discard
- `audit`: /v1/admin/audit: who did what
- `acting`: what they share
"""
