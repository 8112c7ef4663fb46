-- Webhooks that were tried in the range, on one line: how many there were, and how many had arrived by its end.
SELECT
    count() AS webhooks,
    countIf(arrived) AS delivered,
    countIf(given_up) AS given_up,
    if(webhooks = 0, NULL, delivered / webhooks) AS delivered_rate
FROM
(
    SELECT
        webhook_id,
        countIf(outcome = 'delivered') > 0 AS arrived,
        NOT arrived AND countIf(outcome IN ('exhausted', 'refused')) > 0 AS given_up
    FROM asked_events
    WHERE type = 'DeliveryAttempted'
    GROUP BY webhook_id
)
