"""The audit: the log read again from end to end, counted, and what others show of it held against it.

- `statements`: what those who show something of the log say of it
- `ledger`, `ledger.sql`: all that was heard, in a small store on disk
- `rules`, `rules.sql`, `verdict`: what follows from it: the counts, and every promise that was broken
- `reading`: the log, told to the ledger
- `witnesses`, `redis_witness`: who is asked besides; other rooms' witnesses stand in setup.cfg
- `examining`: from the first question to the verdict
- `shown`, `cli`: `headrace audit`

A checker that has records of its own (a campaign of faults, a test) needs only a `Ledger` and `judge`: it tells the one
what was said and what is shown, and asks the other.
"""
