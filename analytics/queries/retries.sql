-- Attempts at the model server that failed and were tried again, by reason.
SELECT
    bucket,
    reason,
    count() AS retries
FROM asked_events
WHERE type = 'RetryScheduled'
GROUP BY bucket, reason
ORDER BY bucket, reason
