-- Jobs that failed, over time, by class: the code of their error, or its type where it has none.
SELECT
    bucket,
    if(error_code = '', error_type, error_code) AS class,
    count() AS jobs
FROM asked_answers
WHERE status = 'failed'
GROUP BY bucket, class
ORDER BY bucket, class
