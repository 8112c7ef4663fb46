"""Settings of the place where files lie."""

from dataclasses import dataclass
from typing import ClassVar

from infra.addresses import is_url
from infra.errors import WrongSetting
from infra.settings import Block, setting


@dataclass(frozen=True)
class FilesSettings(Block):
    """Where files lie: a folder that all gateways share, or an S3-style bucket; with neither, none are taken."""

    block: ClassVar[str] = "files"
    dir: str = setting("", "folder of the files, shared by all gateways; empty: the bucket, or else no files are taken")
    bucket: str = setting("", "S3-style bucket of the files; give it or dir, not both")
    endpoint_url: str = setting("", "http(s) address of the server of the bucket; empty: Amazon's own")
    region: str = setting("us-east-1", "region of the bucket")
    prefix: str = setting("", "put before every object's name in the bucket")
    access_key_id: str = setting("", "who we are to that server; empty: as AWS's own tools find it")
    secret_access_key: str = setting("", "that user's secret", secret=True)
    timeout_s: int = setting(30, "longest wait for one answer of that server")
    retries: int = setting(3, "how often a request to it is tried again")
    max_bytes: int = setting(200 * 1024 * 1024, "largest file")

    def check(self) -> None:
        """One place, and an address that is one."""
        if self.dir and self.bucket:
            raise WrongSetting(f"{self.variable('dir')} and {self.variable('bucket')} contradict each other: give one")
        if self.endpoint_url and not is_url(self.endpoint_url, "http", "https"):
            raise WrongSetting(f"{self.variable('endpoint_url')} must be http(s)://host[:port]")
        if bool(self.access_key_id) != bool(self.secret_access_key):
            raise WrongSetting(
                f"{self.variable('access_key_id')} and {self.variable('secret_access_key')} belong together"
            )
        if self.max_bytes < 1:
            raise WrongSetting(f"{self.variable('max_bytes')}={self.max_bytes} must be more than 0")
