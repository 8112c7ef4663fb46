-- How each job ended that was received in a span, one row a job: what an audit holds against the log.
SELECT job_id, partition, offset, status, completion_tokens
FROM answers FINAL
WHERE received_at >= toDateTime64(%(from_s)s, 3) AND received_at < toDateTime64(%(to_s)s, 3)
