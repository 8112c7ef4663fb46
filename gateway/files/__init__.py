"""`/v1/files` (conventions §6): what tenants upload and batches write.

- `handlers`: upload, list, show, read, delete
- `uploads`: a form with a file in it, read in pieces
- `store`: where the bytes lie
- `sweeping`: bytes whose time is over go
- `settings`: which place that is
"""
