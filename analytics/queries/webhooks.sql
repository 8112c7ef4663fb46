-- How webhook attempts ended, and how long the receivers took, over time.
SELECT
    toStartOfInterval(at, toIntervalSecond(%(bucket_s)s)) AS bucket,
    outcome,
    status,
    count() AS attempts,
    uniqExact(webhook_id) AS webhooks,
    quantileExactOrNull(0.5)(duration_ms) AS p50_ms,
    quantileExactOrNull(0.95)(duration_ms) AS p95_ms
FROM job_events FINAL
WHERE type = 'DeliveryAttempted'
    AND at >= toDateTime64(%(since_s)s, 3) AND at < toDateTime64(%(until_s)s, 3)
    AND (%(tenant)s = '' OR tenant = %(tenant)s)
GROUP BY bucket, outcome, status
ORDER BY bucket, outcome, status
