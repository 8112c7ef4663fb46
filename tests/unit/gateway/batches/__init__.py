"""The parts of the batch runner that need no parts."""
