-- What became of everything heard: the views that the rules read. Each `fate` that is a broken promise begins with '!'.

CREATE TEMP TABLE facts (now_ms REAL, overdue_ms REAL, job_ms REAL);

CREATE TEMP VIEW unended AS
SELECT
    p.job,
    p.topic || ':' || p.partition || ':' || p.offset AS place,
    CASE
        WHEN s.offset >= coalesce(x.after, s.offset + 1) THEN 'ended since'
        WHEN s.offset < coalesce(x.first, 0) OR p.at_ms < b.at_ms AND coalesce(s.state, '') = '' THEN 'gone from the log'
        WHEN s.offset IS NOT NULL
            THEN '!it is shown as ' || s.state || ' by answers:' || s.partition || ':' || s.offset || ', where no ending of it stands'
        WHEN w.next > p.offset AND coalesce(s.state, '') <> 'finishing'
            THEN '!its prompt was acknowledged, and no ending written'
        WHEN s.job IS NULL THEN 'not asked'
        WHEN s.forgotten THEN 'forgotten'
        WHEN s.state = '' AND p.offset >= coalesce(f.next, p.offset + 1) THEN 'not read yet'
        WHEN s.state = '' THEN '!Redis knows nothing of it'
        WHEN p.deadline_ms + facts.overdue_ms < facts.now_ms
            THEN '!its deadline has passed ' || cast((facts.now_ms - p.deadline_ms) / 1000 AS INT) || ' s ago, and it is ' || s.state
        WHEN s.state IN ('accepting', 'queued', 'running', 'finishing') THEN s.state
        ELSE s.state || ', to be told'
    END AS fate
FROM facts, prompts AS p
LEFT JOIN jobs_shown AS s USING (job)
LEFT JOIN extents AS x ON x.topic = 'answers' AND x.partition = s.partition
LEFT JOIN beginnings AS b ON b.topic = 'answers' AND b.partition = p.ends_in
LEFT JOIN standings AS w ON w.reader = 'worker' AND w.topic = p.topic AND w.partition = p.partition
LEFT JOIN standings AS f ON f.reader = 'fanout' AND f.topic = p.topic AND f.partition = p.partition
WHERE p.job NOT IN (SELECT job FROM endings);

CREATE TEMP VIEW in_redis AS
SELECT
    e.job,
    'answers:' || e.partition || ':' || e.offset AS place,
    CASE
        WHEN s.job IS NULL THEN 'not asked'
        WHEN s.forgotten OR (s.state = e.status AND s.digest = e.digest) THEN 'agree'
        WHEN s.digest IN (SELECT digest FROM endings AS o WHERE o.job = e.job AND o.digest <> e.digest) THEN 'doubled'
        WHEN s.state = '' AND e.at_ms + facts.job_ms < facts.now_ms THEN 'expired'
        WHEN e.offset >= coalesce(f.next, e.offset + 1) THEN 'not read yet'
        WHEN s.state = '' THEN '!Redis knows nothing of it; the log says ' || e.status
        WHEN s.state <> e.status THEN '!Redis says ' || s.state || ', the log ' || e.status
        ELSE '!Redis shows another ' || e.status || ' ending than the log'
    END AS fate
FROM facts, firsts AS e
LEFT JOIN jobs_shown AS s USING (job)
LEFT JOIN standings AS f ON f.reader = 'fanout' AND f.topic = 'answers' AND f.partition = e.partition;

CREATE TEMP VIEW in_clickhouse AS
SELECT
    e.job,
    'answers:' || e.partition || ':' || e.offset AS place,
    CASE
        WHEN r.job IS NULL AND e.offset >= coalesce(i.next, e.offset + 1) THEN 'not read yet'
        WHEN r.job IS NULL THEN '!ClickHouse has no row of it; the log says ' || e.status
        WHEN r.status = e.status AND r.tokens = e.tokens THEN 'agree'
        WHEN r.offset IN (SELECT offset FROM endings AS o WHERE o.job = e.job AND o.digest <> e.digest) THEN 'doubled'
        ELSE '!ClickHouse says ' || r.status || ' of ' || r.tokens || ' tokens, the log ' || e.status || ' of ' || e.tokens
    END AS fate
FROM firsts AS e
LEFT JOIN rows_shown AS r USING (job)
LEFT JOIN standings AS i ON i.reader = 'ingest' AND i.topic = 'answers' AND i.partition = e.partition
UNION ALL
SELECT r.job, 'answers:' || r.partition || ':' || r.offset, '!ClickHouse counts a job that has no ending in the log'
FROM rows_shown AS r
LEFT JOIN extents AS x ON x.topic = 'answers' AND x.partition = r.partition
WHERE r.job NOT IN (SELECT job FROM endings)
    AND r.offset >= coalesce(x.first, 0) AND r.offset < coalesce(x.after, r.offset + 1);

CREATE TEMP VIEW told AS
SELECT
    e.about AS job,
    e.topic || ':' || e.partition || ':' || e.offset AS place,
    CASE
        WHEN a.outcome IN ('delivered', 'exhausted', 'refused') THEN a.outcome
        WHEN d.webhook IS NULL THEN 'not asked'
        WHEN d.state <> '' THEN iif(d.state IN ('delivered', 'exhausted', 'refused'), d.state, 'pending')
        WHEN e.offset >= coalesce(f.next, e.offset + 1) THEN 'not read yet'
        ELSE '!' || e.webhook || ' was tried ' || coalesce(a.records, 0) || ' times, and is planned no more'
    END AS fate
FROM ends AS e
LEFT JOIN attempts AS a USING (webhook)
LEFT JOIN deliveries_shown AS d USING (webhook)
LEFT JOIN standings AS f ON f.reader = 'deliver' AND f.topic = e.topic AND f.partition = e.partition
WHERE e.webhook <> '';

CREATE TEMP VIEW doubled AS
SELECT job, place, '!Redis shows a later ending than the first' AS fate FROM in_redis WHERE fate = 'doubled'
UNION ALL
SELECT job, place, '!ClickHouse counts a later ending than the first' FROM in_clickhouse WHERE fate = 'doubled'
UNION ALL
SELECT job, 'answers:' || partition || ':' || offset, '!ClickHouse counts it ' || count(*) || ' times'
FROM rows_shown GROUP BY job HAVING count(*) > 1
UNION ALL
SELECT
    e.about, e.topic || ':' || e.partition || ':' || e.offset,
    '!its end was told under ' || a.webhook || ', which is not the first ending''s'
FROM attempts AS a JOIN ends AS e ON e.about = a.job WHERE a.webhook <> e.webhook;

-- All of it, by kind of promise.
CREATE TEMP VIEW fates AS
SELECT 'lost' AS kind, job, place, fate FROM unended
UNION ALL SELECT 'doubled', job, place, fate FROM doubled
UNION ALL SELECT 'redis', job, place, fate FROM in_redis WHERE fate <> 'doubled'
UNION ALL SELECT 'clickhouse', job, place, fate FROM in_clickhouse WHERE fate <> 'doubled'
UNION ALL SELECT 'webhooks', job, place, fate FROM told;

CREATE TEMP VIEW jobs AS SELECT job FROM prompts UNION SELECT job FROM endings;

-- A worker that is killed may not have said that it claimed: its successor's ending bears the number of its own claim.
CREATE TEMP VIEW executions AS
SELECT job, max(
    (SELECT count(*) FROM claims WHERE claims.job = jobs.job),
    (SELECT coalesce(max(attempt), 0) FROM endings WHERE endings.job = jobs.job)
) AS attempts
FROM jobs;

-- Endings after the first of their job, and whether they say the same.
CREATE TEMP VIEW repeats AS
SELECT e.job, e.digest = f.digest AS is_same FROM endings AS e JOIN firsts AS f USING (job) WHERE e.offset <> f.offset;
