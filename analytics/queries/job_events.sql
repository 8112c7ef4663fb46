-- What happened to one job beside its eight steps: claims, retries, attempts at its webhook.
SELECT
    at,
    type,
    attempt,
    tries,
    worker,
    reason,
    after_s,
    webhook_id,
    url,
    status,
    outcome,
    error,
    duration_ms,
    next_attempt_at
FROM asked_events
ORDER BY at, type
LIMIT %(limit)s
