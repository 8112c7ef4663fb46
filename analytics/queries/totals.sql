-- The counts of a time range on one line: what came, how it ended, what it cost, how long it took.
SELECT
    count() AS jobs,
    countIf(status = 'completed') AS completed,
    countIf(status = 'failed') AS failed,
    countIf(status = 'cancelled') AS cancelled,
    countIf(status = 'aborted') AS aborted,
    countIf(status = 'expired') AS expired,
    completed + failed + expired AS to_be_answered,
    if(to_be_answered = 0, NULL, completed / to_be_answered) AS success_rate,
    uniqExact(tenant) AS tenants,
    sum(prompt_tokens) AS prompt_tokens,
    sum(completion_tokens) AS completion_tokens,
    countIf(cache IN ('hit', 'semantic') AND status = 'completed') AS from_cache,
    countIf(cache IN ('hit', 'semantic', 'miss') AND status = 'completed') AS could_be_from_cache,
    if(could_be_from_cache = 0, NULL, from_cache / could_be_from_cache) AS hit_rate,
    quantileExactOrNullIf(0.5)(queue_wait_ms, status = 'completed') AS queue_wait_p50_ms,
    quantileExactOrNullIf(0.5)(first_token_ms, status = 'completed') AS first_token_p50_ms,
    quantileExactOrNullIf(0.5)(total_ms, status = 'completed') AS total_p50_ms
FROM asked_answers
