-- How often the answer cache had the answer, and the model's tokens that this saved.
SELECT
    bucket,
    count() AS jobs,
    countIf(cache = 'hit') AS hits,
    countIf(cache = 'semantic') AS semantic_hits,
    countIf(cache = 'miss') AS misses,
    countIf(cache = 'bypass') AS bypassed,
    if(hits + semantic_hits + misses = 0, NULL, (hits + semantic_hits) / (hits + semantic_hits + misses)) AS hit_rate,
    sumIf(completion_tokens, cache IN ('hit', 'semantic')) AS completion_tokens_saved
FROM asked_answers
WHERE status = 'completed'
GROUP BY bucket
ORDER BY bucket
