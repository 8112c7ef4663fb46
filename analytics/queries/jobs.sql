-- Jobs and tokens over time, by lane, model and status.
SELECT
    bucket,
    lane,
    model,
    status,
    count() AS jobs,
    sum(prompt_tokens) AS prompt_tokens,
    sum(completion_tokens) AS completion_tokens
FROM asked_answers
GROUP BY bucket, lane, model, status
ORDER BY bucket, lane, model, status
