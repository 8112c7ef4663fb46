"""What ClickHouse counts, told to an audit.

- `endings`, `endings.sql`: how each job ended
"""
