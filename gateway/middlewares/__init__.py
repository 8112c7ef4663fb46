"""What surrounds every handler, the outermost first.

- `naming`: name the request, and say where it comes from
- `errors`: whatever goes wrong is told in one shape
- `cors`: pages of other origins that may ask
- `signing_in`: whose request it is, and whether their key is for such
- `counting`: count it against the budget of that key
- `inviting`: by its head alone, whether its query is known, and whether its body may come
- `idempotency`: what is repeated under an Idempotency-Key, and is no submit (`gateway/repeats`)
"""
