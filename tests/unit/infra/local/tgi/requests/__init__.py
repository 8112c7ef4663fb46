"""Unit tests of the model server's decisions."""
