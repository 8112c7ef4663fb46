"""The whole on one machine: every part and service, started in order, watched, and ended.

- `plan`, `embedded`, `extra`, `addresses`, `printed`: what belongs to it, and how each is told of the others
- `supervisor`, `progress`, `whole`: it is started, and goes on until it is ended
- `housekeeping`, `log_room`: what is looked after meanwhile, so that no disk fills
- `checkout`, `standing`, `removal`: what it keeps beside its checkout, how it stands, and how that is deleted
"""
