"""The pages people look at, served as they are: no build step, and nothing in them that needs a key.

- `assets`: the files beside this one, read once
- `library`: the files of the library that draws the charts
- `serve`: their handlers, and the headers that keep hostile text harmless
"""
