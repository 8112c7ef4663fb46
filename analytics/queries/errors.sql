-- Jobs that failed, by type and code of their error, with the latest message of each.
SELECT
    error_type,
    error_code,
    model,
    count() AS jobs,
    min(finished_at) AS first_at,
    max(finished_at) AS last_at,
    argMax(error_message, finished_at) AS last_message,
    argMax(job_id, finished_at) AS last_job
FROM asked_answers
WHERE status = 'failed'
GROUP BY error_type, error_code, model
ORDER BY jobs DESC, error_type, error_code, model
LIMIT %(limit)s
