-- The latest jobs to end, each with its times and tokens.
SELECT
    job_id,
    tenant,
    lane,
    model,
    status,
    cache,
    attempt,
    worker,
    prompt_tokens,
    completion_tokens,
    queue_wait_ms,
    first_token_ms,
    model_ms,
    total_ms,
    received_at,
    finished_at
FROM asked_answers
ORDER BY finished_at DESC, job_id
LIMIT %(limit)s
