-- Jobs that ended in the range, once each: the first ending by offset counts. All endings of a job bear the instant at
-- which it was received, so FINAL sees them all between the first and the last such instant of what ended in the range.
WITH
(
    SELECT (min(received_at), max(received_at))
    FROM answers
    WHERE finished_at >= toDateTime64(%(since_s)s, 3) AND finished_at < toDateTime64(%(until_s)s, 3)
        AND (%(tenant)s = '' OR tenant = %(tenant)s)
        AND (%(job)s = '' OR job_id = %(job)s)
) AS span
SELECT
    *,
    toDateTime(intDiv(toUnixTimestamp(finished_at) + %(zone_s)s, %(bucket_s)s) * %(bucket_s)s - %(zone_s)s, 'UTC') AS bucket
FROM answers FINAL
WHERE received_at >= span.1 AND received_at <= span.2
    AND finished_at >= toDateTime64(%(since_s)s, 3) AND finished_at < toDateTime64(%(until_s)s, 3)
    AND (%(tenant)s = '' OR tenant = %(tenant)s)
    AND (%(model)s = '' OR model = %(model)s)
    AND (%(lane)s = '' OR lane = %(lane)s)
    AND (%(status)s = '' OR status = %(status)s)
    AND (%(job)s = '' OR job_id = %(job)s)
