"""What is known of files in Redis; their bytes lie elsewhere.

- `store`: kept, lent to batches, forgotten
- `filing`: what the scripts are told of files and batches
"""
