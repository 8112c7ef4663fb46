-- How attempts at webhooks ended, over time.
SELECT
    bucket,
    outcome,
    status,
    count() AS attempts,
    uniqExact(webhook_id) AS webhooks
FROM asked_events
WHERE type = 'DeliveryAttempted'
GROUP BY bucket, outcome, status
ORDER BY bucket, outcome, status
