-- The rows stay; reports read more of them.
ALTER TABLE feedback DROP INDEX IF EXISTS at_range;
ALTER TABLE job_events DROP INDEX IF EXISTS at_range;
ALTER TABLE answers DROP INDEX IF EXISTS finished_at_range;
