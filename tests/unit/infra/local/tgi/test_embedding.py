"""The embedding model is the library's, though none of its code is used."""

from importlib.util import find_spec

import numpy as np
import pytest
import wordllama

from infra.local.tgi.embedding.model import Embedder

TEXTS = ["the cat sat", "Ünïcödé and 日本語", "word " * 300]


@pytest.mark.parametrize("dimensions", [64, 128, 256])
async def test_its_vectors_are_those_of_the_library(dimensions: int) -> None:
    spec = find_spec("wordllama")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    library = wordllama.WordLlama.load(
        cache_dir=spec.submodule_search_locations[0], trunc_dim=dimensions, disable_download=True
    )

    found = await Embedder().embed(TEXTS, dimensions, normalize=True)

    np.testing.assert_allclose(found.vectors, library.embed(TEXTS, norm=True), atol=1e-5)
    assert all(each > 2 for each in found.tokens)
