"""Administration over HTTP, for keys of the scope `admin`: they see and change the keys and tenants of everybody.

- `keys`: /v1/admin/keys: make, list, show, change, rotate, revoke
- `tenants`: /v1/admin/tenants: list, show, limit
- `audit`: /v1/admin/audit: who did what
- `acting`: what they share
"""
