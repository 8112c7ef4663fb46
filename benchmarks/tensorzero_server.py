"""TensorZero's gateway as its wheel carries it, over HTTP until it is killed; run by an interpreter that has it.

`patch_openai_client` of that package starts the same server. Run: `python tensorzero_server.py CONFIG URL_FILE`; its
address is in the file once it listens.
"""

import signal
import sys
from pathlib import Path

import tensorzero

if __name__ == "__main__":
    gateway = tensorzero._start_http_gateway(
        config_file=sys.argv[1], clickhouse_url=None, postgres_url=None, valkey_url=None, async_setup=False
    )
    told = Path(sys.argv[2])
    told.with_suffix(".new").write_text(gateway.base_url)
    told.with_suffix(".new").replace(told)
    signal.pause()
