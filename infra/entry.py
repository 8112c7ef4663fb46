"""The console script: says in one sentence where Headrace does not run, before anything is imported that would fail."""

import sys

from infra import platforms

WRONG_USAGE = 2


def main() -> None:
    """Run the command line, on a machine that has what it needs."""
    refused = platforms.refusal(platforms.this_machine())
    if refused:
        sys.stderr.write("headrace: " + refused + "\n")
        sys.exit(WRONG_USAGE)
    from infra import cli  # noqa: PLC0415 # an old Python cannot even read it

    cli.main()
