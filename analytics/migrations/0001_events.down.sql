-- Kafka still tells it all, for as long as its retention.
DROP TABLE IF EXISTS undecodable SYNC;
DROP TABLE IF EXISTS feedback SYNC;
DROP TABLE IF EXISTS job_events SYNC;
DROP TABLE IF EXISTS answers SYNC;
