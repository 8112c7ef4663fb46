-- Each model and lane on one line: how much it answered, how well, how fast.
SELECT
    model,
    lane,
    count() AS jobs,
    countIf(status = 'failed') AS failed,
    sum(completion_tokens) AS completion_tokens,
    quantileExactOrNullIf(0.5)(queue_wait_ms, status = 'completed') AS queue_wait_p50_ms,
    quantileExactOrNullIf(0.9)(queue_wait_ms, status = 'completed') AS queue_wait_p90_ms,
    quantileExactOrNullIf(0.5)(first_token_ms, status = 'completed') AS first_token_p50_ms,
    quantileExactOrNullIf(0.9)(first_token_ms, status = 'completed') AS first_token_p90_ms,
    quantileExactOrNullIf(0.5)(total_ms, status = 'completed') AS total_p50_ms,
    quantileExactOrNullIf(0.9)(total_ms, status = 'completed') AS total_p90_ms
FROM asked_answers
GROUP BY model, lane
ORDER BY jobs DESC, model, lane
LIMIT %(limit)s
