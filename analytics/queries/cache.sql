-- How often the answer cache had the answer, by model, and the model's tokens that this saved.
SELECT
    toStartOfInterval(finished_at, toIntervalSecond(%(bucket_s)s)) AS bucket,
    model,
    count() AS jobs,
    countIf(cache = 'hit') AS hits,
    countIf(cache = 'semantic') AS semantic_hits,
    countIf(cache = 'miss') AS misses,
    countIf(cache = 'bypass') AS bypassed,
    if(hits + semantic_hits + misses = 0, NULL, (hits + semantic_hits) / (hits + semantic_hits + misses)) AS hit_rate,
    sumIf(completion_tokens, cache IN ('hit', 'semantic')) AS completion_tokens_saved
FROM answers FINAL
WHERE finished_at >= toDateTime64(%(since_s)s, 3) AND finished_at < toDateTime64(%(until_s)s, 3)
    AND (%(tenant)s = '' OR tenant = %(tenant)s)
    AND status = 'completed'
GROUP BY bucket, model
ORDER BY bucket, model
