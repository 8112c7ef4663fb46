-- What was said of answers: of what one author said of one job the last word counts, and only if it is in the range.
-- All that was said of a job is looked at, from the first to the last job of which something was said in the range.
WITH
(
    SELECT (min(job_id), max(job_id))
    FROM feedback
    WHERE at >= toDateTime64(%(since_s)s, 3) AND at < toDateTime64(%(until_s)s, 3)
        AND (%(tenant)s = '' OR tenant = %(tenant)s)
        AND (%(job)s = '' OR job_id = %(job)s)
) AS span
SELECT
    tenant,
    job_id,
    author,
    kind,
    max(at) AS said_at,
    argMax(value, offset) AS said_value,
    argMax(text, offset) AS said_text,
    argMax(comment, offset) AS said_comment,
    argMax(score, offset) AS said_score,
    toDateTime(intDiv(toUnixTimestamp(said_at) + %(zone_s)s, %(bucket_s)s) * %(bucket_s)s - %(zone_s)s, 'UTC') AS bucket
FROM feedback FINAL
WHERE job_id >= span.1 AND job_id <= span.2
    AND (%(tenant)s = '' OR tenant = %(tenant)s)
    AND (%(job)s = '' OR job_id = %(job)s)
GROUP BY tenant, job_id, author, kind
HAVING said_at >= toDateTime64(%(since_s)s, 3) AND said_at < toDateTime64(%(until_s)s, 3)
