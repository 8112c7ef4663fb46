"""The OpenAPI document: what every route takes and answers, written from the types that the code itself uses.

- `operation`: the words in which a route is described
- `operations`: one description a route; a house test fails where a route has none, or a description no route
- `notes`: what the types of bodies cannot say of their fields
- `queries`: what the query of each route may ask
- `document`, `schemas`, `replying`: descriptions and types to one OpenAPI 3.1 document. Pure
- `page`, `page_types`, `markup`: the document as HTML, for people. Pure
- `serve`: `/openapi.json` and `/docs`
- `cli`: `headrace openapi`
"""
