"""What administrators do, by API or command line: each act is recorded in `audit` before it is done.

- `acts`: make, change, rotate and revoke keys; define tenants
- `letters`: redrive and discard dead letters
- `audit`: read the record back, page by page
- `command`: what the commands share: the log, and who is at the keyboard
- `keys_cli`, `tenants_cli`, `acts_cli`: `headrace keys`, `headrace tenants`, `headrace acts`
- `dead_cli`: `headrace dead`; `dead_shown`, `dead_desk`: how a letter reads, and what the command works with
- `topics_cli`, `rebuild_cli`: `headrace topics`, `headrace rebuild`
- `keys_shown`, `limit_options`: how a key reads; limits as options, and how they read
"""
