"""The fault campaign: faults and load against the whole service, and a judge of what was seen.

- `proxy`: a TCP proxy to put before a part, with bad weather to order
"""
