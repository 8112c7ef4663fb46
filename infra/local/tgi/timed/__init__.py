"""The timed engine: words by the clock, knobs and faults to order, and the routes that turn them."""
