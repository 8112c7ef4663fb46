-- What each key used of each model in each month of UTC: jobs, and the tokens that were generated for them; embeddings, and theirs.
SELECT *
FROM (
    SELECT
        toYYYYMM(finished_at) AS month,
        tenant,
        key_id AS key,
        model,
        count() AS jobs,
        countIf(cache IN ('hit', 'semantic')) AS cached_jobs,
        toUInt64(0) AS embeddings,
        sumIf(prompt_tokens, cache NOT IN ('hit', 'semantic')) AS prompt_tokens,
        sumIf(completion_tokens, cache NOT IN ('hit', 'semantic')) AS completion_tokens
    FROM asked_answers
    GROUP BY month, tenant, key, model
    UNION ALL
    SELECT
        toYYYYMM(at) AS month,
        tenant,
        key_id AS key,
        model,
        toUInt64(0) AS jobs,
        toUInt64(0) AS cached_jobs,
        count() AS embeddings,
        sum(tokens) AS prompt_tokens,
        toUInt64(0) AS completion_tokens
    FROM asked_embeddings
    GROUP BY month, tenant, key, model
)
ORDER BY month DESC, tenant, key, model
LIMIT %(limit)s
