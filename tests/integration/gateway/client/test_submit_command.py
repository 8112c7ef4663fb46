"""`headrace submit` as a person runs it: what it prints, and its exit code."""

import asyncio
import json
import os
import pty
import re
import signal
import socket
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from gateway.client.settings import ClientSettings
from tests.support.command import headrace
from tests.support.unruly_gateway import UnrulyGateway, job, refuses, says, served, streams

HEADRACE = (sys.executable, "-m", "infra.cli")


async def submit(
    gateway: UnrulyGateway, folder: Path, *arguments: str, given: str = "", patience_s: float = 60.0
) -> CompletedProcess[str]:
    settings = ClientSettings(url=gateway.url, reach_s=patience_s, patience_s=patience_s)
    return await asyncio.to_thread(headrace, "submit", *arguments, settings=(settings,), folder=folder, given=given)


async def test_a_prompt_is_submitted_and_its_job_named(tmp_path: Path) -> None:
    async with served(UnrulyGateway()) as gateway:
        done = await submit(gateway, tmp_path, "Why?", "--max-tokens", "5", "--webhook", "https://example.com/hook")

    assert (done.returncode, done.stdout, done.stderr) == (0, "job_1\n", "")
    assert gateway.bodies() == [
        {"model": "tiny", "max_tokens": 5, "webhook": {"url": "https://example.com/hook"}, "input": "Why?"}
    ]


async def test_a_streamed_answer_is_printed_as_one_text(tmp_path: Path) -> None:
    tokens = streams((1, "token", {"text": "Bl"}), (2, "token", {"text": "ue."}), (3, "done", job()))
    async with served(UnrulyGateway(events=[tokens])) as gateway:
        text = await submit(gateway, tmp_path, "--stream", "Why?")
        events = await submit(gateway, tmp_path, "--stream", "--json", "Why?")

    assert (text.returncode, text.stdout) == (0, "Blue.\n")
    assert [json.loads(each)["event"] for each in events.stdout.splitlines()] == ["token", "token", "done"]


async def test_a_prompt_comes_from_a_file_or_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "prompt.txt").write_text("From a file?")
    async with served(UnrulyGateway()) as gateway:
        from_file = await submit(gateway, tmp_path, "--wait", "--file", "prompt.txt")
        from_pipe = await submit(gateway, tmp_path, "--wait", given="From a pipe?\n")

    assert from_file.stdout == from_pipe.stdout == "Blue.\n"
    assert [each["input"] for each in gateway.bodies()] == ["From a file?", "From a pipe?\n"]


async def test_of_many_prompts_the_bad_ones_are_named_and_the_rest_answered(tmp_path: Path) -> None:
    lines = '{"input": "one"}\nnonsense\n{"input": "three"}\n'
    async with served(UnrulyGateway()) as gateway:
        done = await submit(gateway, tmp_path, "--wait", "--json", "--jsonl", "-", given=lines)
        plain = await submit(gateway, tmp_path, "--wait", "--jsonl", "-", given=lines)

    assert (done.returncode, plain.returncode) == (1, 1)
    told = {each["line"]: each for each in map(json.loads, done.stdout.splitlines())}
    assert {line: each["error"] is None for line, each in told.items()} == {1: True, 2: False, 3: True}
    assert "is no JSON" in told[2]["error"]
    assert json.loads(done.stderr)["error"] == "2 completed, 1 failed"
    assert sorted(plain.stdout.splitlines()) == ["1\tjob_1\tBlue.", "3\tjob_1\tBlue."]
    assert "line 2: is no JSON" in plain.stderr


async def test_the_same_file_again_makes_no_job_again_unless_that_is_wanted(tmp_path: Path) -> None:
    lines = '{"input": "one"}\n{"input": "two", "idempotency_key": "mine"}\n'
    keys: list[set[str]] = []
    for more in ([], [], ["--anew"]):
        async with served(UnrulyGateway()) as gateway:
            await submit(gateway, tmp_path, *more, "--jsonl", "-", given=lines)
        keys.append({headers["Idempotency-Key"] for headers in gateway.headers_of("/v1/jobs")})

    first, again, anew = keys
    assert (first, len(first)) == (again, 2)
    assert first & anew == {'"mine"'}


async def test_exit_codes_tell_what_happened(tmp_path: Path) -> None:
    failed = streams((1, "done", job("failed", error={"message": "the model is gone"})))
    async with served(UnrulyGateway(events=[failed])) as gateway:
        without_answer = await submit(gateway, tmp_path, "--wait", "Why?")
        both = await submit(gateway, tmp_path, "--wait", "--stream", "Why?")
        empty = await submit(gateway, tmp_path, given="  \n")
        gateway.submits = [refuses(401, "no such key")]
        refused = await submit(gateway, tmp_path, "Why?")
        gateway.submits = [says(503, {})]
        overloaded = await submit(gateway, tmp_path, "Why?", patience_s=0.2)
    gone = await submit(gateway, tmp_path, "Why?", patience_s=0.2)

    codes = [each.returncode for each in (without_answer, both, empty, refused, overloaded, gone)]
    assert codes == [1, 2, 2, 1, 3, 3]
    assert "the model is gone" in without_answer.stderr
    assert "no such key (401)" in refused.stderr
    assert "the prompt is empty" in empty.stderr
    assert "cannot be reached" in gone.stderr


def test_without_a_gateway_the_command_says_what_to_do(tmp_path: Path) -> None:
    done = headrace("submit", "Why?", folder=tmp_path)

    assert done.returncode == 3
    assert "start one with `headrace up`" in done.stderr


@pytest.mark.parametrize("silent", [True, False], ids=["silent", "dead"])
async def test_a_gateway_that_does_not_answer_is_told_at_once_and_given_up_in_time(
    silent: bool, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1] if silent else 1}"
        process = await asyncio.create_subprocess_exec(
            *HEADRACE, "submit", "--timeout", "4", "--url", url, "Why?", cwd=tmp_path, stdout=PIPE, stderr=PIPE
        )
        assert process.stderr is not None
        first = await asyncio.wait_for(process.stderr.readline(), 45)
        out, rest = await asyncio.wait_for(process.communicate(), 45)

    assert re.match(rf"headrace: the gateway at {url} does not answer.*; trying again for [1-4] s\n", first.decode())
    assert rest.decode().count("\n") == 1
    assert "cannot be reached: it does not answer" in rest.decode()
    assert (process.returncode, out) == (3, b"")


@pytest.mark.parametrize("option", ["--temperature=nan", "--timeout=nan", "--timeout=inf"])
def test_a_number_that_is_not_finite_is_wrong_usage(tmp_path: Path, option: str) -> None:
    done = headrace("submit", option, "Why?", folder=tmp_path)

    assert (done.returncode, "is not a finite number" in done.stderr) == (2, True)


def test_a_gateway_that_never_answered_is_given_up_sooner_than_one_that_may_be_restarting() -> None:
    assert ClientSettings().reach_s <= 10 < ClientSettings().patience_s


async def test_a_person_who_waits_sees_the_state_of_the_job_and_a_file_does_not(tmp_path: Path) -> None:
    events = streams((1, "status", {"status": "running"}), (2, "token", {"text": "Bl"}), (3, "done", job()))
    async with served(UnrulyGateway(events=[events])) as gateway:
        shown, answer = await on_a_terminal(tmp_path, "submit", "--wait", "--url", gateway.url, "Why?")
        piped = await submit(gateway, tmp_path, "--wait", "Why?")

    assert answer == "Blue.\n"
    assert re.search("queued.*running", shown)
    assert (piped.stdout, piped.stderr) == ("Blue.\n", "")


async def test_what_went_wrong_stands_on_a_line_of_its_own_above_the_spinner(tmp_path: Path) -> None:
    submits = [refuses(503, Retry_After="1"), says(202, job("queued"))]
    async with served(UnrulyGateway(submits=submits)) as gateway:
        shown, _ = await on_a_terminal(tmp_path, "submit", "--wait", "--url", gateway.url, "Why?")

    lines = re.sub(r"\x1b\[\d*m", "", shown).replace("\r\x1b[2K", "\n").splitlines()
    assert f"headrace: the gateway at {gateway.url} refuses for now: no (503);" in [
        each.rpartition(" trying")[0] for each in lines
    ]


async def on_a_terminal(folder: Path, *arguments: str) -> tuple[str, str]:
    """Run a command that ends well; what its standard error, a terminal, has shown, and its standard output, a pipe."""
    ours, terminal = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *HEADRACE, *arguments, cwd=folder, env={**os.environ, "COLUMNS": "200"}, stdout=PIPE, stderr=terminal
    )
    os.close(terminal)
    shown = await asyncio.to_thread(read_to_end, ours)
    answer, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, shown
    return shown, answer.decode()


def read_to_end(terminal: int) -> str:
    """What is shown on a terminal until nobody holds it any more."""
    shown = b""
    try:
        while some := os.read(terminal, 4096):
            shown += some
    except OSError:
        pass  # so Linux says that the last holder is gone
    finally:
        os.close(terminal)
    return shown.decode()


async def test_a_reader_who_has_enough_ends_the_command_without_a_fuss(tmp_path: Path) -> None:
    (tmp_path / "many.jsonl").write_text('{"input": "a"}\n' * 200)
    async with served(UnrulyGateway()) as gateway:
        command = f"{sys.executable} -m infra.cli submit --jsonl many.jsonl --url {gateway.url} | head -1"
        process = await asyncio.create_subprocess_shell(command, cwd=tmp_path, stdout=PIPE, stderr=PIPE)
        out, log = await asyncio.wait_for(process.communicate(), 60)

    assert out.endswith(b"job_1\n")
    assert log == b""


async def test_an_interrupted_command_ends_with_130(tmp_path: Path) -> None:
    async with served(UnrulyGateway(events=[streams((1, "token", {"text": "Bl"}), stay_open=True)])) as gateway:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "infra.cli", "submit", "--stream", "--url", gateway.url, "Why?",
            cwd=tmp_path, stdout=PIPE, stderr=PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.read(2), 60) == b"Bl"

        process.send_signal(signal.SIGINT)

        _, log = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 130
    assert b"Traceback" not in log
