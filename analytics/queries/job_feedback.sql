-- What was said of one job's answer.
SELECT
    said_at,
    kind,
    if(kind IN ('comment', 'correction'), said_text, said_value) AS value,
    said_comment AS comment,
    author
FROM asked_feedback
ORDER BY said_at, kind
LIMIT %(limit)s
