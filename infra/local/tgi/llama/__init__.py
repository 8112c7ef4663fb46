"""The real engine: llama.cpp, and the translation of its own HTTP."""
