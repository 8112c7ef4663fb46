"""The command line against the whole running service, as its user finds it: without a single address."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import headrace
from tests.support.eventually import eventually_sync
from tests.support.whole import Whole

# The whole service starts first.
pytestmark = pytest.mark.timeout(300)


def test_every_part_answers_the_doctor_and_every_topic_is_as_it_should_be(service: Whole) -> None:
    examined = headrace("doctor", "--json", folder=service.folder)
    checked = headrace("topics", "check", folder=service.folder)

    assert examined.returncode == 0, examined.stdout
    assert all(each["from_stack"] for each in json.loads(examined.stdout)["parts"])
    assert checked.returncode == 0, checked.stdout


def test_many_prompts_from_a_file_are_all_answered_and_bad_lines_named(service: Whole, tmp_path: Path) -> None:
    lines = [json.dumps({"input": f"prompt {each}", "max_tokens": 8}) for each in range(60)]
    (tmp_path / "many.jsonl").write_text("\n".join([*lines, "nonsense", json.dumps({"input": "x", "max_tokens": 0})]))

    done = headrace(
        "submit", "--wait", "--json", "--jsonl", str(tmp_path / "many.jsonl"), folder=service.folder
    )  # fmt: skip

    told = [json.loads(each) for each in done.stdout.splitlines()]
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stderr.splitlines()[-1])["error"] == "60 completed, 2 failed"
    assert sorted(each["line"] for each in told) == list(range(1, 63))
    assert {each["line"] for each in told if each["error"]} == {61, 62}
    assert len({each["job"]["id"] for each in told if each["job"]}) == 60


def test_a_key_made_and_revoked_on_the_command_line_is_so_to_the_gateway(service: Whole) -> None:
    made = json.loads(
        headrace("keys", "create", "--tenant", "new", "--name", "x", "--json", folder=service.folder).stdout
    )
    mine = {
        "HEADRACE_CLIENT__URL": service.stack["gateway_url"],
        "HEADRACE_CLIENT__API_KEY": made["api_key"],
        "HEADRACE_CLIENT__PATIENCE_S": "45",
    }

    asked = headrace("submit", "--wait", "Whose am I?", folder=service.folder, **mine)
    headrace("keys", "revoke", made["id"], folder=service.folder)

    def is_refused() -> bool:  # the gateway reads of it in the log
        after = headrace("submit", "--wait", "And now?", folder=service.folder, **mine)
        return after.returncode == 1 and "(401)" in after.stderr

    assert asked.returncode == 0, asked.stderr
    eventually_sync(is_refused, what="a revoked key that is refused")


async def test_a_streamed_answer_survives_the_gateway_and_comes_out_whole(service: Whole) -> None:
    service.model.turn(first_token_ms=50, token_ms=150)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "infra.cli", "submit", "--stream", "--json", "Tell me a long story.",
        cwd=service.folder, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    before = [await asyncio.wait_for(process.stdout.readline(), 60) for _ in range(4)]

    service.kill("gateway")

    rest, log = await asyncio.wait_for(process.communicate(), 150)
    assert process.returncode == 0, log.decode()
    events = [json.loads(each) for each in [*before, *rest.splitlines()]]
    ids = [int(each["id"]) for each in events]
    assert ids == sorted(set(ids)), "an event came twice, or out of order"
    shown = "".join(each["data"]["text"] for each in events if each["event"] == "token")
    assert events[-1]["event"] == "done"
    assert events[-1]["data"]["result"]["choices"][0]["message"]["content"] == shown


def asked(service: Whole, *options: str) -> str:
    """The id of a job that was submitted so."""
    done = headrace("submit", *options, folder=service.folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def job_shown(service: Whole, job_id: str) -> dict[str, Any]:
    done = headrace("job", "show", job_id, "--json", folder=service.folder)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_job_is_shown_whole_with_its_timeline_and_all_that_followed(service: Whole) -> None:
    job_id = asked(service, "--webhook", service.stack["receiver_url"], "Draw me.")
    reported = {"JobClaimed", "FirstTokenProduced", "DeliveryAttempted"}
    eventually_sync(
        lambda: reported <= {each["type"] for each in job_shown(service, job_id)["events"] or ()},
        what="the delivery in the reports",
    )

    found = job_shown(service, job_id)
    drawn = headrace("job", "show", job_id, folder=service.folder).stdout
    assert found["job"]["status"] == "completed"
    # The gateway may note the broker's acknowledgement when the job has long been done.
    assert [each["step"] for each in found["timeline"]["steps"] if each["step"] != "acknowledged"][-1] == "visible"
    assert found["feedback"] == []
    for word in ("completed", "first_token", "█", "attempts", "deliveries", "delivered", found["job"]["model"]):
        assert word in drawn


def test_a_job_that_runs_is_cancelled_and_no_job_is_told_plainly(service: Whole) -> None:
    service.model.order("hold", after_tokens=1, contains="Never end.")
    job_id = asked(service, "Never end.")
    done = headrace("job", "cancel", job_id, folder=service.folder)
    again = headrace("job", "cancel", job_id, "--json", folder=service.folder)
    eventually_sync(lambda: job_shown(service, job_id)["job"]["status"] in ("cancelled", "aborted"), what="its end")

    missing = headrace("job", "show", "job_none", "--json", folder=service.folder)
    assert (done.returncode, again.returncode, missing.returncode) == (0, 0, 1)
    assert json.loads(again.stdout)["id"] == job_id
    assert "job_none" in json.loads(missing.stderr)["error"]


def test_all_that_the_log_says_of_a_job_is_found_in_it(service: Whole) -> None:
    job_id = json.loads(asked(service, "--wait", "--json", "Follow me."))["id"]

    def told() -> list[str]:
        done = headrace("tail", "--since", "10m", "--no-follow", "--job", job_id, "--json", folder=service.folder)
        assert done.returncode == 0, done.stderr
        return [json.loads(each)["type"] for each in done.stdout.splitlines()]

    # What a worker mentions is in the log some time after, and an answer can be seen before.
    mentioned = {"JobClaimed", "FirstTokenProduced", "AnswerCompleted"}
    eventually_sync(lambda: mentioned <= set(told()), what="all of it in the log")
    lines = headrace("tail", "answers", "--last", "50", "--no-follow", "--job", job_id, folder=service.folder)

    assert told()[0] == "PromptSubmitted"
    assert job_id in lines.stdout
    assert len(lines.stdout.splitlines()) == 1


def test_a_stack_with_a_part_of_somebody_elses_is_ready_and_says_which(service: Whole) -> None:
    done = headrace("status", "--json", folder=service.folder)

    told = json.loads(done.stdout)
    by_name = {each["name"]: each for each in told["processes"]}
    assert (done.returncode, told["state"]) == (0, "ready"), done.stdout
    assert by_name["tgi"]["pid"] is None
    assert by_name["tgi"]["ready"]
    assert by_name["gateway"]["pid"] == service.stack["processes"]["gateway"]
