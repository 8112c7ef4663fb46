-- What was said of answers: of what one author said of one job the last word counts, and only if it is in the range.
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
WHERE (%(tenant)s = '' OR tenant = %(tenant)s)
    AND (%(job)s = '' OR job_id = %(job)s)
GROUP BY tenant, job_id, author, kind
HAVING said_at >= toDateTime64(%(since_s)s, 3) AND said_at < toDateTime64(%(until_s)s, 3)
