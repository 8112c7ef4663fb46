"""Texts as vectors, by the small static model that the package `wordllama` carries: the mean of its tokens' vectors.

Only the package's files are used, not its code, which looks for them in the wrong folder and would load much more.
Source of the model: D. Lee Miller, https://github.com/dleemiller/WordLlama (MIT). Its first 64, 128 or 256 dimensions
are each a model of their own.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from infra.errors import Unavailable

PACKAGE: Final = "wordllama"
DIMENSIONS: Final = (64, 128, 256)
LONGEST_TOKENS: Final = 8192
_FILES: Final = ("tokenizers/l2_supercat_tokenizer_config.json", "weights/l2_supercat_256.safetensors")


@dataclass(frozen=True)
class Vectors:
    """One vector a text, and how many tokens each text had."""

    vectors: list[list[float]]
    tokens: list[int]


class Embedder:
    """The model; it is read when it is first asked."""

    async def embed(self, texts: Sequence[str], dimensions: int, *, normalize: bool) -> Vectors:
        """The vector of each text.

        Raises:
            Unavailable: the model is not installed.
        """
        return await asyncio.to_thread(self._embed, texts, dimensions, normalize)

    def _embed(self, texts: Sequence[str], dimensions: int, normalize: bool) -> Vectors:
        import numpy as np  # noqa: PLC0415 # it takes long to load

        tokenizer, weights = self._model
        found = [each.ids for each in tokenizer.encode_batch(list(texts), add_special_tokens=False)]
        vectors = np.stack([weights[ids, :dimensions].astype(np.float32).mean(axis=0) for ids in found])
        if normalize:
            vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return Vectors(vectors.tolist(), [len(ids) for ids in found])

    @cached_property
    def _model(self) -> tuple[Any, Any]:
        spec = find_spec(PACKAGE)
        if spec is None or not spec.submodule_search_locations:
            raise Unavailable("embeddings", "the package wordllama is not installed: install the extra `local`")
        from safetensors.numpy import load_file  # noqa: PLC0415 # as above
        from tokenizers import Tokenizer  # noqa: PLC0415 # as above

        tokenizer, weights = (Path(spec.submodule_search_locations[0]) / each for each in _FILES)
        return Tokenizer.from_file(str(tokenizer)), load_file(weights)["embedding.weight"]
