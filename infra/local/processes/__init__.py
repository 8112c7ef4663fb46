"""Child processes: begun, watched, and gone when we are.

- `process`, `leash`: one that lives on; it dies with us, whatever becomes of us
- `errands`: commands of ours that are run to their end
- `ports`: where each listens
"""
