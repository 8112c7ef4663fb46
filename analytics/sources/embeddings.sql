-- Texts of which vectors were made in the range, once each. They have no lane, status or job: those filters do not reach them.
SELECT
    *,
    toDateTime(intDiv(toUnixTimestamp(at) + %(zone_s)s, %(bucket_s)s) * %(bucket_s)s - %(zone_s)s, 'UTC') AS bucket
FROM embeddings FINAL
WHERE at >= toDateTime64(%(since_s)s, 3) AND at < toDateTime64(%(until_s)s, 3)
    AND (%(tenant)s = '' OR tenant = %(tenant)s)
    AND (%(model)s = '' OR model = %(model)s)
