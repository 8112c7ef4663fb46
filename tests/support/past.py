"""A long past for the analytics store, written by ClickHouse itself: always the same, for what depends on size."""

from clickhouse_driver import Client

TENANT = "acme"
_JOB = "concat('job_', leftPad(toString(number), 26, '0')) AS job_id"
_AT_S = "%(until_s)s - %(days)s * 86400 + (number + 0.5) * %(days)s * 86400 / %(jobs)s"
_AT = f"fromUnixTimestamp64Milli(toInt64(({_AT_S}) * 1000))"
_JOBS = f"""
INSERT INTO answers (
    topic, offset, job_id, tenant, lane, model, status, cache, prompt_tokens, completion_tokens,
    received_at, finished_at, queue_wait_ms, first_token_ms, model_ms, total_ms, prompt, answer
)
SELECT
    'answers', number, {_JOB}, '{TENANT}', 'standard', if(modulo(number, 3) = 0, 'large', 'small'),
    if(modulo(number, 50) = 0, 'failed', 'completed'), if(modulo(number, 4) = 0, 'hit', 'miss'), 100, 140,
    {_AT} AS at, addSeconds(at, 2), modulo(number, 97), 100 + modulo(number, 97), 1900, 2000,
    'Why is the sky blue?', 'Air scatters short, blue waves of sunlight more than long, red ones.'
FROM numbers(%(jobs)s)
"""
_EVENTS = f"""
INSERT INTO job_events (
    topic, offset, type, job_id, tenant, attempt, webhook_id, url, status, outcome, duration_ms, at
)
SELECT
    'job.events', number, 'DeliveryAttempted', {_JOB}, '{TENANT}', 1, concat('msg_', job_id),
    'https://hooks.example.com/headrace', 200, 'delivered', modulo(number, 89), addSeconds({_AT}, 3)
FROM numbers(%(jobs)s)
"""
_FEEDBACK = f"""
INSERT INTO feedback (topic, offset, feedback_id, job_id, tenant, kind, value, score, author, at)
SELECT
    'feedback', number, concat('fb_', job_id), {_JOB}, '{TENANT}', 'thumb',
    if(modulo(number, 7) = 0, 'down', 'up'), modulo(number, 7) > 0, 'ann', addSeconds({_AT}, 60)
FROM numbers(%(jobs)s)
"""


def write_past(client: Client, *, until_s: float, days: int, jobs: int) -> None:
    """So many jobs, spread evenly over days, each with a webhook and a thumb; their ids sort by time as ours do."""
    for statement in (_JOBS, _EVENTS, _FEEDBACK):
        client.execute(statement, {"until_s": until_s, "days": days, "jobs": jobs})
