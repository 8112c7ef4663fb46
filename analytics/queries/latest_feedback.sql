-- The latest things said of answers, each with its job.
SELECT
    said_at,
    job_id,
    kind,
    if(kind IN ('comment', 'correction'), said_text, said_value) AS value,
    said_comment AS comment,
    author
FROM asked_feedback
ORDER BY said_at DESC, job_id, kind
LIMIT %(limit)s
