-- How long receivers took to answer a webhook: percentiles in ms.
SELECT
    bucket,
    count() AS attempts,
    quantileExactOrNull(0.5)(duration_ms) AS p50_ms,
    quantileExactOrNull(0.9)(duration_ms) AS p90_ms,
    quantileExactOrNull(0.99)(duration_ms) AS p99_ms
FROM asked_events
WHERE type = 'DeliveryAttempted'
GROUP BY bucket
ORDER BY bucket
