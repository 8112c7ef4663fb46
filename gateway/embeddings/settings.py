"""Settings of the embedding server."""

from dataclasses import dataclass
from typing import ClassVar

from infra.addresses import is_url
from infra.errors import WrongSetting
from infra.settings import Block, setting

EMBEDDING_MODEL = "dleemiller/word-llama-l2-supercat"


@dataclass(frozen=True)
class EmbeddingsSettings(Block):
    """The embedding server: Hugging Face's TEI, or one that has its `/embed`."""

    block: ClassVar[str] = "embeddings"
    url: str = setting("", "http(s)://host:port of the embedding server; empty: no embeddings are made")
    models: tuple[str, ...] = setting((EMBEDDING_MODEL,), "names by which its model may be asked for, commas between")
    api_key: str = setting("", "key the server asks for, if any", secret=True)
    texts_at_once: int = setting(32, "texts sent in one request: what TEI takes unless it is told otherwise")
    batch_requests: int = setting(2, "requests of batches under way at once, at most; other calls go first")
    timeout_s: float = setting(30.0, "longest wait for one of its answers")

    def check(self) -> None:
        """An address must be one, and something must be sent."""
        if self.url and not is_url(self.url, "http", "https"):
            raise WrongSetting(f"{self.variable('url')} must be http(s)://host:port")
        if min(self.texts_at_once, self.batch_requests) < 1 or self.timeout_s <= 0:
            names = ("texts_at_once", "batch_requests", "timeout_s")
            raise WrongSetting(f"{', '.join(map(self.variable, names))} must be more than 0")
