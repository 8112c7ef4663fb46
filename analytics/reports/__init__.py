"""The process `reports`: read-only HTTP over the named queries, and the charts that are drawn of them.

- `app`, `keys`: its URLs, and what it carries
- `questions`: the named queries (`../queries`), and what they may read (`../sources`)
- `ranges`: what a query can be asked for. Pure
- `reader`: asks ClickHouse
- `charts`, `shaping`, `dashboard`: the charts as data (`../charts.toml`), rows made into what they show, all at once
- `cli`: `headrace reports`
"""
