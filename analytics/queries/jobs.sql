-- Jobs and tokens over time, by lane, model and status.
SELECT
    toStartOfInterval(finished_at, toIntervalSecond(%(bucket_s)s)) AS bucket,
    lane,
    model,
    status,
    count() AS jobs,
    sum(prompt_tokens) AS prompt_tokens,
    sum(completion_tokens) AS completion_tokens
FROM answers FINAL
WHERE finished_at >= toDateTime64(%(since_s)s, 3) AND finished_at < toDateTime64(%(until_s)s, 3)
    AND (%(tenant)s = '' OR tenant = %(tenant)s)
GROUP BY bucket, lane, model, status
ORDER BY bucket, lane, model, status
