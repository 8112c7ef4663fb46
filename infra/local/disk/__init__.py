"""What gets onto the disk, and how much of it.

- `transfer`, `jars`: one file over HTTP, held to its hash; those that the parts are made of
- `room`, `footprint`: how much the parts may take, and do take
"""
