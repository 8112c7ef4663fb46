"""Dead letters are read, redriven and discarded by administrators, and the log alone says how each stands."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from infra.settings import KafkaSettings, RedisSettings
from producers.administration import audit
from producers.administration.audit import AuditAsked
from producers.events import Discarded, PromptSubmitted, Redriven, Webhook
from producers.letters.letter import Letter
from producers.letters.rewriting import new_job_id
from producers.letters.store import Letters
from producers.log.topics import DEAD_LETTERS, prompts
from producers.state.view import is_whole
from tests.support.builders import CLOCK, a_completed, a_failed
from tests.support.eventually import eventually
from tests.support.gateway import MODEL
from tests.support.letters import NONSENSE, Office, an_office, buried_twice
from tests.support.topics import read_all


@pytest.fixture
async def office(kafka_settings: KafkaSettings, redis_settings: RedisSettings) -> AsyncIterator[Office]:
    async with an_office(kafka_settings, redis_settings) as opened:
        yield opened


async def of_letters(office: Office, kind: type[Any]) -> list[Any]:
    return [each for each in await read_all(office.gateway.kafka, DEAD_LETTERS) if isinstance(each, kind)]


async def prompts_of(office: Office, job_id: str) -> list[PromptSubmitted]:
    found = await read_all(office.gateway.kafka, prompts("standard"))
    return [each for each in found if each.job_id == job_id]


async def test_a_letter_is_shown_with_its_prompt_as_a_body_that_can_be_handed_in(office: Office) -> None:
    prompt = office.prompt("Why?", metadata={"a": "b"}, webhook=Webhook("https://example.com/hook"))
    letter_id = await office.bury(prompt, at=7)

    shown = (await office.get(f"/{letter_id}")).json

    assert shown == {
        "id": letter_id, "object": "dead_letter", "state": "dead", "reason": "exhausted",
        "error": "the model server was gone", "first_error": None,
        "attempts": 5, "job": prompt.job_id, "tenant": office.gateway.tenant,
        "model": MODEL, "origin": {"topic": "prompts.standard", "partition": 1, "offset": 7},
        "buried_at": shown["buried_at"], "redrives": [], "discarded": None, "redrivable": "as_it_was",
        "conversation": None, "payload_base64": shown["payload_base64"],
        "prompt": {
            "model": MODEL, "messages": [{"role": "user", "content": "Why?"}], "lane": "standard",
            "truncation": "disabled", "webhook": {"url": "https://example.com/hook"}, "cache": "use",
            "metadata": {"a": "b"},
        },
    }  # fmt: skip
    assert prompt.job_id.encode() in base64.b64decode(shown["payload_base64"])


async def test_the_same_letter_buried_twice_is_once(office: Office) -> None:
    first, second = await buried_twice(office, office.prompt(), at=3)

    listed = (await office.get()).json

    assert first == second
    assert [each["id"] for each in listed["data"]] == [first]


async def test_a_redrive_is_a_new_job_of_the_same_tenant_and_key_with_as_long_as_the_old_one_had(
    office: Office,
) -> None:
    received_ms = CLOCK.now_ms() - 3_600_000
    old = office.prompt(
        received_ms=received_ms, deadline_ms=received_ms + 60_000, idempotency_key="k", fingerprint="print"
    )
    letter_id = await office.bury(old)
    answer = await office.post(f"/{letter_id}/redrive")
    new, _ = await office.worker.next_prompt()

    assert answer.status == 200, answer.json
    (redrive,) = answer.json["redrives"]
    assert (answer.json["state"], redrive["number"], redrive["job"]) == ("redriven", 1, new.job_id)
    assert (redrive["by"], redrive["edited"]) == (office.key_id, False)
    assert new.job_id != old.job_id
    assert (new.tenant, new.key_id, new.messages) == (old.tenant, old.key_id, old.messages)
    assert new.idempotency_key is None
    assert new.deadline_ms is not None
    assert new.received_ms > CLOCK.now_ms() - 60_000
    assert new.deadline_ms - new.received_ms == 60_000


async def test_a_redriven_job_is_answered_and_the_old_one_stays_as_it_ended(office: Office) -> None:
    old = office.prompt()
    await office.worker.publisher.submit(old)
    prompt, lease = await office.worker.claim()
    await office.worker.end(lease, a_failed(prompt))
    letter_id = await office.bury(old)
    new_job = (await office.post(f"/{letter_id}/redrive")).json["redrives"][0]["job"]
    prompt, lease = await office.worker.claim()
    await office.worker.end(lease, a_completed(prompt, "Because."))

    await office.house.comes_to(new_job, "completed")
    new = (await office.gateway.get(f"/v1/jobs/{new_job}")).json
    assert new["result"]["choices"][0]["message"]["content"] == "Because."
    assert (await office.gateway.get(f"/v1/jobs/{old.job_id}")).json["status"] == "failed"


async def test_a_redrive_done_twice_is_one_job_and_a_second_one_is_asked_for_by_its_number(office: Office) -> None:
    letter_id = await office.bury(office.prompt())
    answers = await asyncio.gather(*(office.post(f"/{letter_id}/redrive") for _ in range(3)))
    again = await office.post(f"/{letter_id}/redrive")
    second = await office.post(f"/{letter_id}/redrive", {"number": 2})
    too_far = await office.post(f"/{letter_id}/redrive", {"number": 4})

    jobs = {each.json["redrives"][0]["job"] for each in (*answers, again, second)}
    assert len(jobs) == 1
    assert [each["number"] for each in second.json["redrives"]] == [1, 2]
    assert second.json["redrives"][1]["job"] not in jobs
    assert (too_far.status, too_far.json["error"]["param"]) == (400, "number")
    # What is handed in more than once is one job still.
    records = await read_all(office.gateway.kafka, prompts("standard"))
    assert {each.job_id for each in records} == {*jobs, second.json["redrives"][1]["job"]}


async def test_whoever_dies_between_the_prompt_and_the_word_of_it_leaves_a_job_that_the_next_redrive_finds(
    office: Office,
) -> None:
    old = office.prompt()
    letter_id = await office.bury(old)
    letter = await Letters(office.house.scripts).read(letter_id)
    assert isinstance(letter, Letter)
    job_id = new_job_id(letter, 1)
    await office.worker.publisher.submit(msgspec.structs.replace(old, job_id=job_id))
    await office.house.comes_to(job_id, "queued")

    edited = await office.post(f"/{letter_id}/redrive", {"prompt": {"model": MODEL, "input": "Otherwise?"}})
    plain = await office.post(f"/{letter_id}/redrive")

    assert (edited.status, edited.json["error"]["code"]) == (409, "redriven")
    assert job_id in edited.json["error"]["message"]
    (redrive,) = plain.json["redrives"]
    assert (redrive["job"], redrive["edited"]) == (job_id, False)
    assert len(await prompts_of(office, job_id)) == 1


async def test_of_two_who_edit_one_letter_at_once_one_is_told_that_the_other_was_first(office: Office) -> None:
    letter_id = await office.bury(office.prompt("Whyy?"))
    texts = ["Why?", "Who?", "Where?"]
    answers = await asyncio.gather(
        *(office.post(f"/{letter_id}/redrive", {"prompt": {"model": MODEL, "input": each}}) for each in texts)
    )
    again = await office.post(f"/{letter_id}/redrive", {"prompt": {"model": MODEL, "input": "When?"}})

    assert sorted(each.status for each in answers) == [200, 409, 409]
    assert (again.status, again.json["error"]["code"]) == (409, "redriven")
    (redrive,) = (await office.get(f"/{letter_id}")).json["redrives"]
    assert redrive["edited"]


async def test_an_edited_prompt_is_held_to_what_a_submit_is(office: Office) -> None:
    letter_id = await office.bury(office.prompt("Whyy?"))
    bodies: list[dict[str, Any]] = [
        {"model": MODEL}, {"model": "no-such", "input": "a"}, {"model": MODEL, "input": "a", "temperature": 9},
        {"model": MODEL, "input": "a", "conversation": "conv_1"}, {"model": MODEL, "input": "a", "cache": "only"},
    ]  # fmt: skip
    wrong = [await office.post(f"/{letter_id}/redrive", {"prompt": each}) for each in bodies]
    foreign = await office.post(
        f"/{letter_id}/redrive", {"prompt": {"model": MODEL, "input": "a"}, "tenant": "somebody"}
    )
    good = await office.post(f"/{letter_id}/redrive", {"prompt": {"model": MODEL, "input": "Why?", "deadline": 60}})
    new, _ = await office.worker.next_prompt()

    told = [(each.status, each.json["error"]["param"]) for each in wrong]
    places = [(400, "messages"), (404, "model"), (400, "temperature"), (400, "conversation"), (400, "cache")]
    assert told == [(status, f"prompt.{place}") for status, place in places]
    assert (foreign.status, foreign.json["error"]["param"]) == (400, "tenant")
    assert good.json["redrives"][0] == good.json["redrives"][0] | {"edited": True, "job": new.job_id}
    assert new.messages[0].content == "Why?"
    assert (new.tenant, new.key_id) == (office.gateway.tenant, office.gateway.key.event.id)


async def test_a_turn_is_not_redriven_as_it_was_for_its_conversation_has_gone_on(office: Office) -> None:
    letter_id = await office.bury(office.prompt(conversation="conv_1"))
    shown = await office.get(f"/{letter_id}")
    refused = await office.post(f"/{letter_id}/redrive")
    outside = await office.post(f"/{letter_id}/redrive", {"prompt": {"model": MODEL, "input": "All of it?"}})
    new, _ = await office.worker.next_prompt()

    assert (shown.json["redrivable"], shown.json["conversation"]) == ("edited", "conv_1")
    assert (refused.status, refused.json["error"]["code"]) == (409, "turn_of_conversation")
    assert outside.status == 200
    assert new.conversation is None


async def test_what_cannot_be_read_is_shown_and_redriven_only_as_somebodys_edited_prompt(office: Office) -> None:
    letter_id = await office.bury(NONSENSE, "undecodable")
    prompt = {"model": MODEL, "input": "Why?"}
    shown = await office.get(f"/{letter_id}")
    as_it_was = await office.post(f"/{letter_id}/redrive")
    nobodys = await office.post(f"/{letter_id}/redrive", {"prompt": prompt})
    named = await office.post(f"/{letter_id}/redrive", {"prompt": prompt, "tenant": office.gateway.tenant})
    new, _ = await office.worker.next_prompt()

    assert base64.b64decode(shown.json["payload_base64"]) == NONSENSE
    assert (shown.json["prompt"], shown.json["redrivable"]) == (None, "edited")
    assert (as_it_was.status, as_it_was.json["error"]["code"]) == (409, "no_prompt")
    assert (nobodys.status, nobodys.json["error"]["param"]) == (400, "tenant")
    assert named.status == 200, named.json
    assert new.key_id == f"operator:{office.key_id}"


async def test_the_prompt_of_a_letter_without_its_bytes_is_that_of_its_job(office: Office) -> None:
    old = office.prompt("Who?")
    await office.worker.publisher.submit(old)
    await office.house.comes_to(old.job_id, "queued")
    letter_id = await office.bury(old, "poison", bare=True)
    shown = await office.get(f"/{letter_id}")
    listed = await office.get(f"?tenant={office.gateway.tenant}&model={MODEL}")

    assert shown.json["prompt"]["messages"] == [{"role": "user", "content": "Who?"}]
    assert (shown.json["tenant"], shown.json["model"]) == (office.gateway.tenant, MODEL)
    assert [each["id"] for each in listed.json["data"]] == [letter_id]


async def test_what_is_no_prompt_can_only_be_discarded_and_a_note_says_why(office: Office) -> None:
    letter_id = await office.bury(b"nonsense", "undecodable", topic="answers")
    redriven = await office.post(f"/{letter_id}/redrive", {"prompt": {"model": MODEL, "input": "a"}, "tenant": "t"})
    silent = [await office.post(f"/{letter_id}/discard", each) for each in ({}, {"note": "  "}, {"note": "x" * 2001})]
    done = await office.post(f"/{letter_id}/discard", {"note": "a test's"})
    twice = await office.post(f"/{letter_id}/discard", {"note": "once more"})
    after = await office.post(f"/{letter_id}/redrive")

    assert (redriven.status, redriven.json["error"]["code"]) == (409, "not_a_prompt")
    assert [(each.status, each.json["error"]["param"]) for each in silent] == [(400, "note")] * 3
    assert (done.json["state"], done.json["redrivable"]) == ("discarded", "no")
    assert done.json["discarded"] == {"note": "a test's", "by": office.key_id, "at": done.json["discarded"]["at"]}
    assert twice.json["discarded"] == done.json["discarded"]
    assert after.status == 409


async def test_what_was_discarded_is_not_redriven_and_what_was_redriven_not_discarded(office: Office) -> None:
    gone, alive = await office.bury(office.prompt()), await office.bury(office.prompt())
    await office.post(f"/{gone}/discard", {"note": "no"})
    await office.post(f"/{alive}/redrive")

    refused = await office.post(f"/{gone}/redrive"), await office.post(f"/{alive}/discard", {"note": "no"})
    assert [(each.status, each.json["error"]["code"]) for each in refused] == [(409, "discarded"), (409, "redriven")]


async def test_letters_are_listed_in_pages_and_found_by_what_is_known_of_them(office: Office) -> None:
    now_ms = CLOCK.now_ms()
    ids = [
        await office.bury(office.prompt(), "poison", at_ms=now_ms - 5000),
        await office.bury(office.prompt(tenant="other"), at_ms=now_ms - 4000),
        await office.bury(office.prompt(model="other/model"), at_ms=now_ms - 3000),
        await office.bury(NONSENSE, "undecodable", at_ms=now_ms - 2000),
    ]
    await office.post(f"/{ids[3]}/discard", {"note": "no"})

    async def listed(query: str) -> list[str]:
        answer = await office.get(query)
        assert answer.status == 200, answer.json
        return [each["id"] for each in answer.json["data"]]

    first = await office.get("?limit=3")
    assert [each["id"] for each in first.json["data"]] == ids[:0:-1]
    assert first.json["has_more"]
    assert await listed(f"?after={first.json['last_id']}") == ids[:1]
    assert await listed("?order=asc") == ids
    assert await listed("?reason=poison") == ids[:1]
    assert await listed("?tenant=other") == ids[1:2]
    assert await listed("?model=other/model") == ids[2:3]
    assert await listed("?state=discarded") == ids[3:]
    assert await listed("?state=dead&order=asc") == ids[:3]
    assert await listed(f"?created_before={int(now_ms // 1000) - 60}") == []
    assert await listed(f"?created_after={int(now_ms // 1000) - 60}&order=asc") == ids
    wrong = [await office.get(each) for each in ("?after=letter_x", "?state=odd", "?colour=red", "/letter_x")]
    assert [each.status for each in wrong] == [400, 400, 400, 404]


async def test_all_that_match_are_redriven_page_by_page_and_what_is_refused_is_told(office: Office) -> None:
    ids = [await office.bury(office.prompt(str(at)), at_ms=CLOCK.now_ms() - 9000 + at) for at in range(3)]
    turn = await office.bury(office.prompt(conversation="conv_1"))
    other = await office.bury(office.prompt(tenant="other"))
    wanted = {"tenant": office.gateway.tenant, "limit": 2}
    first = (await office.post("/redrive", wanted)).json
    second = (await office.post("/redrive", {**wanted, "after": first["last_id"]})).json
    third = (await office.post("/redrive", wanted)).json

    assert [each["id"] for each in first["redriven"]] == ids[:2]
    assert [each["id"] for each in second["redriven"]] == ids[2:]
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert [(each["id"], each["code"]) for each in second["refused"]] == [(turn, "turn_of_conversation")]
    assert (third["redriven"], [each["id"] for each in third["refused"]]) == ([], [turn])
    assert (await office.get(f"/{other}")).json["state"] == "dead"


async def test_a_key_that_was_revoked_and_a_model_that_is_gone_speak_against_a_redrive(office: Office) -> None:
    revoked = await office.gateway.issue(office.gateway.tenant)
    await office.gateway.http.delete(f"{office.gateway.url}/v1/admin/keys/{revoked.event.id}", headers=office.headers)
    of_revoked = await office.bury(office.prompt(key_id=revoked.event.id))
    of_model = await office.bury(office.prompt(model="long-gone"))
    answers = [await office.post(f"/{each}/redrive") for each in (of_revoked, of_model)]

    told = [(each.status, each.json["error"]["code"]) for each in answers]
    assert told == [(409, "revoked"), (404, "model_not_found")]


async def test_every_act_is_on_record_and_the_log_alone_brings_all_of_it_back(office: Office) -> None:
    redriven, gone = await office.bury(office.prompt()), await office.bury(office.prompt())
    await office.post(f"/{redriven}/redrive")
    await office.post(f"/{gone}/discard", {"note": "nobody's"})
    before = [(await office.get(f"/{each}")).json for each in (redriven, gone)]
    await office.house.scripts.redis.flushdb()

    async def is_back() -> bool:
        return await is_whole(office.house.scripts) and (await office.get(f"/{gone}")).status == 200

    await eventually(is_back, within_s=45, what="the letters")
    assert [(await office.get(f"/{each}")).json for each in (redriven, gone)] == before
    acts = (await asyncio.to_thread(audit.read, office.gateway.kafka, AuditAsked())).acts
    assert [(each.act.act, each.act.target, each.act.actor) for each in acts] == [
        ("letter.discarded", gone, office.key_id), ("letter.redriven", redriven, office.key_id),
    ]  # fmt: skip
    assert [each.letter_id for each in await of_letters(office, Redriven)] == [redriven]
    assert [each.note for each in await of_letters(office, Discarded)] == ["nobody's"]


async def test_dead_letters_are_for_administrators_alone(office: Office) -> None:
    letter_id = await office.bury(office.prompt())
    answers = [
        await office.gateway.get("/v1/admin/dead_letters"),
        await office.gateway.get(f"/v1/admin/dead_letters/{letter_id}"),
        await office.gateway.post(f"/v1/admin/dead_letters/{letter_id}/redrive", {}),
        await office.gateway.post(f"/v1/admin/dead_letters/{letter_id}/discard", {"note": "a"}),
        await office.gateway.post("/v1/admin/dead_letters/redrive", {}),
    ]

    assert [each.status for each in answers] == [403] * 5


async def test_a_page_is_no_heavier_than_what_redis_may_be_asked_for_at_once(office: Office) -> None:
    ids = [await office.bury(b"x" * (1 << 20), "undecodable", at_ms=CLOCK.now_ms() - 9000 + at) for at in range(4)]

    first = (await office.get("?order=asc")).json
    rest = (await office.get(f"?order=asc&after={first['last_id']}")).json

    assert len(first["data"]) == 2
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert [each["id"] for each in first["data"] + rest["data"]] == ids
