-- Thumbs over time.
SELECT
    bucket,
    countIf(said_value = 'up') AS up,
    countIf(said_value = 'down') AS down
FROM asked_feedback
WHERE kind = 'thumb'
GROUP BY bucket
ORDER BY bucket
