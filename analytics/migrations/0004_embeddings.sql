-- Texts of which vectors were made: no jobs, but used and paid for as they are.
CREATE TABLE IF NOT EXISTS embeddings
(
    topic LowCardinality(String),
    partition UInt32,
    offset UInt64,
    version UInt64 MATERIALIZED bitShiftLeft(toUInt64(1), 63) - offset,
    embeddings_id String,
    tenant LowCardinality(String),
    key_id LowCardinality(String),
    model LowCardinality(String),
    texts UInt32,
    tokens UInt32,
    at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, at, embeddings_id)
SETTINGS non_replicated_deduplication_window = 1000;
