-- Tokens a second of one answer, from its first token to its end: percentiles of answers of more than one token.
SELECT
    bucket,
    count() AS answers,
    quantileExact(0.1)(tokens_per_s) AS p10,
    quantileExact(0.5)(tokens_per_s) AS p50,
    quantileExact(0.9)(tokens_per_s) AS p90
FROM
(
    SELECT bucket, (completion_tokens - 1) / ((total_ms - first_token_ms) / 1000) AS tokens_per_s
    FROM asked_answers
    WHERE status = 'completed' AND cache NOT IN ('hit', 'semantic') AND completion_tokens > 1 AND total_ms > first_token_ms
)
GROUP BY bucket
ORDER BY bucket
