-- What was said of answers over time, by kind and model; of what one author said of one job the last word counts.
SELECT
    toStartOfInterval(said.last_at, toIntervalSecond(%(bucket_s)s)) AS bucket,
    said.kind AS kind,
    said.last_value AS value,
    judged.model AS model,
    count() AS judgements,
    avg(said.last_score) AS mean_score
FROM
(
    SELECT
        tenant,
        job_id,
        kind,
        max(at) AS last_at,
        argMax(score, offset) AS last_score,
        argMax(if(kind = 'thumb', value, ''), offset) AS last_value
    FROM feedback FINAL
    WHERE (%(tenant)s = '' OR tenant = %(tenant)s)
    GROUP BY tenant, job_id, author, kind
) AS said
LEFT JOIN
(
    SELECT tenant, job_id, model FROM answers FINAL WHERE (%(tenant)s = '' OR tenant = %(tenant)s)
) AS judged ON judged.tenant = said.tenant AND judged.job_id = said.job_id
WHERE said.last_at >= toDateTime64(%(since_s)s, 3) AND said.last_at < toDateTime64(%(until_s)s, 3)
GROUP BY bucket, kind, value, model
ORDER BY bucket, kind, value, model
