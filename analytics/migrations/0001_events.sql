-- What the log tells of jobs, one table a topic, so that max(offset) of a table says how far its topic is read.
-- A record may be written twice; of the rows with one key the first by offset counts, hence the version. All parts of
-- a key follow from the job, so that two rows with one key lie in one partition of the table. Read with FINAL.

CREATE TABLE IF NOT EXISTS answers
(
    topic LowCardinality(String),
    partition UInt32,
    offset UInt64,
    version UInt64 MATERIALIZED bitShiftLeft(toUInt64(1), 63) - offset,
    job_id String,
    tenant LowCardinality(String),
    key_id LowCardinality(String),
    lane LowCardinality(String),
    model LowCardinality(String),
    route LowCardinality(String),
    conversation String,
    status LowCardinality(String),
    finish_reason LowCardinality(String),
    error_type LowCardinality(String),
    error_code LowCardinality(String),
    error_message String,
    attempt UInt32,
    worker LowCardinality(String),
    cache LowCardinality(String),
    prompt_tokens UInt32,
    completion_tokens UInt32,
    received_at DateTime64(3, 'UTC'),
    finished_at DateTime64(3, 'UTC'),
    queue_wait_ms Nullable(Float64),
    first_token_ms Nullable(Float64),
    model_ms Nullable(Float64),
    total_ms Nullable(Float64),
    has_webhook Bool,
    metadata Map(String, String),
    prompt String,
    answer String
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(received_at)
ORDER BY (tenant, received_at, job_id)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS job_events
(
    topic LowCardinality(String),
    partition UInt32,
    offset UInt64,
    version UInt64 MATERIALIZED bitShiftLeft(toUInt64(1), 63) - offset,
    type LowCardinality(String),
    job_id String,
    tenant LowCardinality(String),
    lane LowCardinality(String),
    attempt UInt32,
    tries UInt32,
    worker LowCardinality(String),
    reason String,
    after_s Float64,
    webhook_id String,
    url String,
    status UInt16,
    outcome LowCardinality(String),
    error String,
    duration_ms Float64,
    next_attempt_at Nullable(DateTime64(3, 'UTC')),
    at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, job_id, type, webhook_id, attempt, tries)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS feedback
(
    topic LowCardinality(String),
    partition UInt32,
    offset UInt64,
    version UInt64 MATERIALIZED bitShiftLeft(toUInt64(1), 63) - offset,
    feedback_id String,
    job_id String,
    tenant LowCardinality(String),
    key_id LowCardinality(String),
    kind LowCardinality(String),
    value String,
    score Nullable(Float64),
    comment String,
    tags Array(LowCardinality(String)),
    author String,
    at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, job_id, feedback_id, at)
SETTINGS non_replicated_deduplication_window = 1000;

-- Records that no table can hold: they are dead letters, and told here so that ingest does not read them again.
CREATE TABLE IF NOT EXISTS undecodable
(
    topic LowCardinality(String),
    partition UInt32,
    offset UInt64,
    version UInt64 MATERIALIZED bitShiftLeft(toUInt64(1), 63) - offset,
    error String,
    at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (topic, partition, offset)
SETTINGS non_replicated_deduplication_window = 1000;
