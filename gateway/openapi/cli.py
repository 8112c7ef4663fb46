"""`headrace openapi`."""

from pathlib import Path

import click
import msgspec

from gateway.openapi.document import document, text
from infra.command_line import json_option


@click.command(epilog="Example: headrace openapi --output openapi.json")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file instead.")
@json_option("Print the document as one object on one line.")
def openapi(output: Path | None, *, as_json: bool) -> None:
    """Print the OpenAPI 3.1 document of the gateway, for those who generate clients; no gateway need be running."""
    written = msgspec.json.encode(document()).decode() + "\n" if as_json else text()
    if output is None:
        click.echo(written, nl=False)
    else:
        output.write_text(written, encoding="utf-8")
