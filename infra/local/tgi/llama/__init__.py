"""The real engine: llama.cpp, and the translation of its own HTTP.

- `engine`: llama.cpp's own server inside this process
- `wire`: what is said to it, and what its answers mean. Pure
- `processors`: how many processors are ours
"""
