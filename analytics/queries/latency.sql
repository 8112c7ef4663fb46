-- How long jobs wait in the queue, for their first token, in the model and in all: percentiles in ms, by lane.
SELECT
    toStartOfInterval(finished_at, toIntervalSecond(%(bucket_s)s)) AS bucket,
    lane,
    count() AS jobs,
    quantileExactOrNull(0.5)(queue_wait_ms) AS queue_wait_p50_ms,
    quantileExactOrNull(0.95)(queue_wait_ms) AS queue_wait_p95_ms,
    quantileExactOrNull(0.99)(queue_wait_ms) AS queue_wait_p99_ms,
    quantileExactOrNull(0.5)(first_token_ms) AS first_token_p50_ms,
    quantileExactOrNull(0.95)(first_token_ms) AS first_token_p95_ms,
    quantileExactOrNull(0.99)(first_token_ms) AS first_token_p99_ms,
    quantileExactOrNull(0.5)(model_ms) AS model_p50_ms,
    quantileExactOrNull(0.95)(model_ms) AS model_p95_ms,
    quantileExactOrNull(0.99)(model_ms) AS model_p99_ms,
    quantileExactOrNull(0.5)(total_ms) AS total_p50_ms,
    quantileExactOrNull(0.95)(total_ms) AS total_p95_ms,
    quantileExactOrNull(0.99)(total_ms) AS total_p99_ms
FROM answers FINAL
WHERE finished_at >= toDateTime64(%(since_s)s, 3) AND finished_at < toDateTime64(%(until_s)s, 3)
    AND (%(tenant)s = '' OR tenant = %(tenant)s)
    AND status = 'completed'
GROUP BY bucket, lane
ORDER BY bucket, lane
