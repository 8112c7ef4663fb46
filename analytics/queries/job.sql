-- One job that ended: all that is known of it, with prompt and answer where they are kept.
SELECT
    job_id,
    lane,
    model,
    route,
    conversation,
    status,
    finish_reason,
    error_type,
    error_code,
    error_message,
    attempt,
    worker,
    cache,
    prompt_tokens,
    completion_tokens,
    received_at,
    finished_at,
    queue_wait_ms,
    first_token_ms,
    model_ms,
    total_ms,
    has_webhook,
    metadata,
    prompt,
    answer
FROM asked_answers
LIMIT %(limit)s
