"""What HTTP itself says: how a request is read beside its body, and in which shapes everything is answered.

Nothing here knows the app, so that everything else may build on it.

- `requests`, `headers`: what is asked of every request: its route, its JSON body, its headers
- `including`: what a reader asks to be included is something that is known
- `origin`: where it comes from, as far as proxies can be believed
- `unpacking`: packed bodies come whole or not at all
- `problems`: error to HTTP
- `times`: times as queries give them
- `objects`, `paging`: what all objects share as OpenAI writes them, how they are answered, and lists of them in pages
"""
