-- Steps of jobs and attempts at deliveries in the range, once each. They know no model: that filter does not reach them.
-- FINAL sees all of every job between the first and the last of which something is told in the range; ids sort by time.
WITH
(
    SELECT (min(job_id), max(job_id))
    FROM job_events
    WHERE at >= toDateTime64(%(since_s)s, 3) AND at < toDateTime64(%(until_s)s, 3)
        AND (%(tenant)s = '' OR tenant = %(tenant)s)
        AND (%(job)s = '' OR job_id = %(job)s)
) AS span
SELECT
    *,
    toDateTime(intDiv(toUnixTimestamp(at) + %(zone_s)s, %(bucket_s)s) * %(bucket_s)s - %(zone_s)s, 'UTC') AS bucket
FROM job_events FINAL
WHERE job_id >= span.1 AND job_id <= span.2
    AND at >= toDateTime64(%(since_s)s, 3) AND at < toDateTime64(%(until_s)s, 3)
    AND (%(tenant)s = '' OR tenant = %(tenant)s)
    AND (%(job)s = '' OR job_id = %(job)s)
