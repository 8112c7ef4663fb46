"""`python -m tests.contracts.tgi [timed|embedded] [--write]`: all recordings sent again, and what differs.

Of both servers the tables are printed, or with `--write` go into docs/tgi.md.
"""

import sys

from tests.contracts.tgi.page import ENGINES, rendered, write
from tests.contracts.tgi.replay import replay

engines = [each for each in ENGINES if each in sys.argv] or ENGINES
found = [each for engine in engines for each in replay(engine)]
for each in found:
    for difference in each.differences:
        print(f"{each.engine} {each.route} {each.name}: {difference}")
if "--write" in sys.argv and len(engines) == len(ENGINES):
    write(rendered(found))
elif len(engines) == len(ENGINES):
    print(rendered(found))
sys.exit(any(each.differences for each in found))
