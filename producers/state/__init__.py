"""State in Redis: scripts, run by name, and the view that makes all of it anew from the log.

- `scripts`, `coalescing`: the scripts of all rooms, those of one moment in one round trip
- `view`, `positions`: whether the view of the log in Redis is whole; where a view stands
- `setting_back`: the views set back, and read again
- `readers`: how far each reader of the log has read
- `retention`: how long what is kept
- `listing`, `walking`: lists of ids, a page at a time; long ones, looked through in small steps
"""
