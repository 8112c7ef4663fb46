-- Where in a table a time is: so that a report finds the keys of its range without reading all there is (sources/*.sql).
ALTER TABLE answers ADD INDEX IF NOT EXISTS finished_at_range finished_at TYPE minmax GRANULARITY 1;
ALTER TABLE answers MATERIALIZE INDEX finished_at_range;
ALTER TABLE job_events ADD INDEX IF NOT EXISTS at_range at TYPE minmax GRANULARITY 1;
ALTER TABLE job_events MATERIALIZE INDEX at_range;
ALTER TABLE feedback ADD INDEX IF NOT EXISTS at_range at TYPE minmax GRANULARITY 1;
ALTER TABLE feedback MATERIALIZE INDEX at_range;
