-- The counts of a time range on one line: what came, how it ended, what it cost.
SELECT
    count() AS jobs,
    countIf(status = 'completed') AS completed,
    countIf(status = 'failed') AS failed,
    countIf(status = 'cancelled') AS cancelled,
    countIf(status = 'aborted') AS aborted,
    countIf(status = 'expired') AS expired,
    uniqExact(tenant) AS tenants,
    sum(prompt_tokens) AS prompt_tokens,
    sum(completion_tokens) AS completion_tokens
FROM answers FINAL
WHERE finished_at >= toDateTime64(%(since_s)s, 3) AND finished_at < toDateTime64(%(until_s)s, 3)
    AND (%(tenant)s = '' OR tenant = %(tenant)s)
