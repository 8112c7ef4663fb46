"""`headrace deliver`."""

import click

from infra import service
from stream_workers.webhooks.service import serve


@click.command(epilog="Example: headrace deliver")
def deliver() -> None:
    """Send signed webhooks for jobs that ended, until each receiver says 2xx or the schedule is used up.

    Needs Kafka, Redis and the HEADRACE_SECRET_KEY under which the keys were made. Several may run: no two send the
    same webhook at once.
    """
    service.run(serve, name="deliver")
