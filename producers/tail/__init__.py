"""`headrace tail`: any topic followed by a person or a script, decoded.

- `seen`: a record as it was read, and whether it is wanted
- `lines`, `facts`: how it is said, to a person and to a script
- `places`, `following`: where to begin, and the reading itself; joins no group, commits nothing
- `cli`: the command
"""
