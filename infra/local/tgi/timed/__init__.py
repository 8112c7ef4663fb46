"""The timed engine: words by the clock, knobs and faults to order, and the routes that turn them.

- `engine`, `text`: tokens by the clock, of a text that proves whose it is
- `knobs`, `control`: what it can be told, and the routes that tell it
"""
