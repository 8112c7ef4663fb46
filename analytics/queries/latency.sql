-- How long answered jobs waited in the queue, for their first token, in the model and in all: percentiles in ms.
SELECT
    bucket,
    count() AS jobs,
    quantileExactOrNull(0.5)(queue_wait_ms) AS queue_wait_p50_ms,
    quantileExactOrNull(0.9)(queue_wait_ms) AS queue_wait_p90_ms,
    quantileExactOrNull(0.99)(queue_wait_ms) AS queue_wait_p99_ms,
    quantileExactOrNull(0.5)(first_token_ms) AS first_token_p50_ms,
    quantileExactOrNull(0.9)(first_token_ms) AS first_token_p90_ms,
    quantileExactOrNull(0.99)(first_token_ms) AS first_token_p99_ms,
    quantileExactOrNull(0.5)(model_ms) AS model_p50_ms,
    quantileExactOrNull(0.9)(model_ms) AS model_p90_ms,
    quantileExactOrNull(0.99)(model_ms) AS model_p99_ms,
    quantileExactOrNull(0.5)(total_ms) AS total_p50_ms,
    quantileExactOrNull(0.9)(total_ms) AS total_p90_ms,
    quantileExactOrNull(0.99)(total_ms) AS total_p99_ms
FROM asked_answers
WHERE status = 'completed'
GROUP BY bucket
ORDER BY bucket
