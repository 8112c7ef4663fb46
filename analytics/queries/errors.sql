-- Jobs that failed, by type and code of their error, with the latest message of each.
SELECT
    error_type,
    error_code,
    model,
    count() AS jobs,
    min(finished_at) AS first_at,
    max(finished_at) AS last_at,
    argMax(error_message, finished_at) AS last_message
FROM answers FINAL
WHERE finished_at >= toDateTime64(%(since_s)s, 3) AND finished_at < toDateTime64(%(until_s)s, 3)
    AND (%(tenant)s = '' OR tenant = %(tenant)s)
    AND status = 'failed'
GROUP BY error_type, error_code, model
ORDER BY jobs DESC, error_type, error_code, model
