-- Each receiver of webhooks on one line: how its attempts ended, how long it takes, and the last thing that went wrong.
SELECT
    domain(url) AS receiver,
    count() AS attempts,
    countIf(outcome = 'delivered') AS delivered,
    countIf(outcome = 'retry') AS to_be_retried,
    countIf(outcome IN ('exhausted', 'refused')) AS given_up,
    quantileExactOrNull(0.5)(duration_ms) AS p50_ms,
    quantileExactOrNull(0.9)(duration_ms) AS p90_ms,
    argMaxIf(if(error = '', concat('HTTP ', toString(status)), error), at, outcome != 'delivered') AS last_error
FROM asked_events
WHERE type = 'DeliveryAttempted'
GROUP BY receiver
ORDER BY attempts DESC, receiver
LIMIT %(limit)s
