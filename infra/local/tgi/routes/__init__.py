"""The handlers of each route: what they are asked becomes a generation, and its steps an answer of their own shape."""
