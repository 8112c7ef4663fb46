"""`headrace dead` against a real broker and a real Redis, whose view follows the log."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.settings import GatewaySettings
from infra.settings import KafkaSettings, RedisSettings
from tests.support.command import headrace
from tests.support.gateway import MODEL
from tests.support.letters import NONSENSE, Office, an_office


@pytest.fixture
async def office(kafka_settings: KafkaSettings, redis_settings: RedisSettings) -> AsyncIterator[Office]:
    async with an_office(kafka_settings, redis_settings) as opened:
        yield opened


async def dead(office: Office, folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    settings = (office.gateway.kafka, office.gateway.redis, GatewaySettings(models=(MODEL,)))
    return await asyncio.to_thread(headrace, "dead", *arguments, settings=settings, folder=folder, **variables)


async def test_letters_are_listed_shown_redriven_and_discarded(office: Office, tmp_path: Path) -> None:
    prompt = office.prompt("Why?")
    letter_id, other = await office.bury(prompt), await office.bury(b"x", "undecodable", topic="answers")

    listed = await dead(office, tmp_path, "list", "--reason", "exhausted")
    shown = await dead(office, tmp_path, "show", letter_id)
    plain = await dead(office, tmp_path, "show", letter_id, "--json")
    redriven = await dead(office, tmp_path, "redrive", letter_id)
    twice = await dead(office, tmp_path, "redrive", letter_id, "--json")
    again = await dead(office, tmp_path, "redrive", letter_id, "--json", "--again")
    discarded = await dead(office, tmp_path, "discard", other, "--note", "nobody's")
    rest = await dead(office, tmp_path, "list", "--json")

    assert letter_id in listed.stdout, listed.stderr
    assert other not in listed.stdout
    assert f"letter     {letter_id}, dead" in shown.stdout
    assert '"content": "Why?"' in shown.stdout
    assert json.loads(plain.stdout) == (await office.get(f"/{letter_id}")).json | {
        "state": "dead", "redrives": [], "redrivable": "as_it_was",
    }  # fmt: skip
    (job,) = json.loads(twice.stdout)["redriven"]
    assert redriven.stdout == f"{letter_id} is redriven as {job['job']}\n"
    assert json.loads(again.stdout)["redriven"][0]["job"] != job["job"]
    assert discarded.stdout == f"{other} is discarded\n"
    assert {each["id"]: each["state"] for each in json.loads(rest.stdout)} == {
        letter_id: "redriven", other: "discarded",
    }  # fmt: skip
    new, _ = await office.worker.next_prompt()
    assert new.job_id == job["job"]


async def test_a_prompt_is_edited_in_the_editor_and_what_was_written_wrong_is_kept(
    office: Office, tmp_path: Path
) -> None:
    letter_id = await office.bury(office.prompt("Whyy?"))
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "$EDIT" "$1"\n')
    editor.chmod(0o755)

    async def edit(how: str) -> subprocess.CompletedProcess[str]:
        return await dead(office, tmp_path, "redrive", letter_id, "--edit", EDITOR=str(editor), VISUAL="", EDIT=how)

    unchanged, wrong = await edit("s/a/a/"), await edit("s/standard/sometime/")
    kept = json.loads((tmp_path / f"{letter_id}.json").read_text())
    good = await edit("s/Whyy/Why/")
    new, _ = await office.worker.next_prompt()

    assert (unchanged.returncode, "left as it is" in unchanged.stderr) == (1, True), unchanged.stderr
    assert (wrong.returncode, "lane must be one of" in wrong.stderr) == (1, True), wrong.stderr
    assert kept["lane"] == "sometime"
    assert good.returncode == 0, good.stderr
    assert new.messages[0].content == "Why?"


async def test_all_that_match_are_redriven_and_what_is_refused_stays_and_is_told(
    office: Office, tmp_path: Path
) -> None:
    ids = {await office.bury(office.prompt(str(at))) for at in range(3)}
    nonsense = await office.bury(NONSENSE, "undecodable")

    some = await dead(office, tmp_path, "redrive", "--all", "--tenant", office.gateway.tenant, "--json")
    rest = await dead(office, tmp_path, "redrive", "--all")
    file = tmp_path / "prompt.json"
    file.write_text(json.dumps({"model": MODEL, "input": "Why?"}))
    given = await dead(office, tmp_path, "redrive", nonsense, "--prompt", str(file), "--tenant", office.gateway.tenant)

    assert {each["id"] for each in json.loads(some.stdout)["redriven"]} == ids
    assert rest.returncode == 1
    assert nonsense in rest.stderr
    assert given.returncode == 0, given.stderr


async def test_what_is_asked_wrongly_is_told(office: Office, tmp_path: Path) -> None:
    letter_id = await office.bury(office.prompt())
    asked = [
        ("redrive",), ("redrive", letter_id, "--all"), ("redrive", "--all", "--edit"), ("discard", letter_id),
        ("show", "letter_x"), ("discard", letter_id, "--note", " "),
    ]  # fmt: skip
    done = [await dead(office, tmp_path, *each) for each in asked]

    assert [each.returncode for each in done] == [2, 2, 2, 2, 1, 1]
    assert "there is no dead letter letter_x" in done[4].stderr
    assert all("Traceback" not in each.stderr for each in done)
