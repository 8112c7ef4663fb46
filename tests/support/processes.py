"""Processes of ours as children of a test: started until ready, killed, started again."""

import sys
from pathlib import Path

from infra.local.processes.process import Command
from infra.settings import Block, ServiceSettings, child_environment
from tests.support.stack import RunningPart


def a_process(folder: Path, command: str, *settings: Block, **variables: str) -> RunningPart:
    """`headrace <command>` with these settings; it is not started yet."""
    ready_file = folder / f"{command}.ready"

    def prepare() -> Command:
        service = ServiceSettings(ready_file=str(ready_file))
        return Command(
            name=command,
            argv=(sys.executable, "-m", "infra.cli", command),
            log=folder / f"{command}.log",
            ready=ready_file.exists,
            advice="read its log",
            ready_file=ready_file,
            environment=child_environment(*settings, service, **variables),
        )

    return RunningPart(prepare=prepare)
