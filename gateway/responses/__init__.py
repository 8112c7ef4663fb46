"""`/v1/responses` (conventions §4 and §5): a job under another name, answered now or in the background.

- `handlers`: create, show, cancel, list what went in
- `objects`: a job as a response, and what it is made of. Pure
- `events`: the events of its stream, numbered alike at every gateway. Pure
- `stream`: the stream itself, resumed by these numbers
"""
