"""Webhooks: the end of a job or a batch told to the client's URL, signed, until somebody there says 2xx.

- `payload`: what is told (pure)
- `delivery`: what an attempt came to, and what follows from it (pure)
- `schedule`: the view `deliveries` in Redis: what is due, who is at it
- `outbound`: the HTTP client that connects to checked addresses only (`producers.destinations`)
- `sender`: claims what is due and sends it
- `witness`: what it has still to do, told to an audit
- `service`, `cli`: the process, `headrace deliver`
"""
