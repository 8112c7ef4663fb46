"""Logs, metrics and trace context.

- `logging`: to standard error; `trace`: the context of headers and records
- `metrics`: the catalogue; `requests`: what HTTP servers count
- `exporter`, `settings`: where a process shows what it counted, and whether it is ready
"""
