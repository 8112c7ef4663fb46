"""A job over HTTP: submitted, read, cancelled, repeated."""

from tests.support.gateway import MODEL, PlayedWorker, RunningGateway

PROMPT = {"model": MODEL, "input": "Why is the sky blue?"}


async def test_a_submitted_prompt_is_in_the_log_before_the_client_hears_of_it(
    gateway: RunningGateway, worker: PlayedWorker
) -> None:
    answer = await gateway.post("/v1/jobs", {**PROMPT, "lane": "batch", "metadata": {"a": "b"}})

    job = answer.json
    assert answer.status == 202
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert int(answer.headers["Retry-After"]) >= 1
    assert (job["object"], job["status"], job["lane"], job["metadata"]) == ("job", "queued", "batch", {"a": "b"})
    prompt, _ = await worker.next_prompt()
    assert (prompt.job_id, prompt.lane, prompt.messages[0].content) == (job["id"], "batch", "Why is the sky blue?")


async def test_a_job_is_read_from_queued_to_completed(gateway: RunningGateway, worker: PlayedWorker) -> None:
    job_id = (await gateway.post("/v1/jobs", PROMPT)).json["id"]
    queued = await gateway.get(f"/v1/jobs/{job_id}")
    await worker.answer("It ", "scatters.")
    done = await gateway.get(f"/v1/jobs/{job_id}")

    assert queued.json["status"] == "queued"
    assert queued.headers["Retry-After"]
    assert done.json["status"] == "completed"
    assert done.json["result"]["choices"][0]["message"]["content"] == "It scatters."
    assert done.json["usage"]["total_tokens"] == 10
    assert "Retry-After" not in done.headers
