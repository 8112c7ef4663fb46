-- What was said of answers over time, by kind and value (of thumbs).
SELECT
    bucket,
    kind,
    if(kind = 'thumb', said_value, '') AS value,
    count() AS judgements,
    avg(said_score) AS mean_score
FROM asked_feedback
GROUP BY bucket, kind, value
ORDER BY bucket, kind, value
