-- What was heard of the jobs of an audit: what the log says, and what is shown of it.
CREATE TABLE prompts (
    job TEXT PRIMARY KEY, topic TEXT, partition INT, offset INT, records INT, at_ms REAL, deadline_ms REAL, ends_in INT
) WITHOUT ROWID;
CREATE TABLE endings (
    job TEXT, offset INT, partition INT, at_ms REAL, status TEXT, digest BLOB, tokens INT, attempt INT, webhook TEXT,
    PRIMARY KEY (job, offset)
) WITHOUT ROWID;
CREATE TABLE batches (batch TEXT, offset INT, partition INT, webhook TEXT, PRIMARY KEY (batch, offset)) WITHOUT ROWID;
CREATE TABLE claims (job TEXT, attempt INT, records INT, PRIMARY KEY (job, attempt)) WITHOUT ROWID;
CREATE TABLE tries (job TEXT PRIMARY KEY, records INT) WITHOUT ROWID;
CREATE TABLE attempts (webhook TEXT PRIMARY KEY, job TEXT, records INT, outcome TEXT) WITHOUT ROWID;
CREATE TABLE jobs_shown (job TEXT PRIMARY KEY, state TEXT, partition INT, offset INT, digest BLOB, forgotten INT)
    WITHOUT ROWID;
CREATE TABLE rows_shown (job TEXT, offset INT, partition INT, status TEXT, tokens INT, PRIMARY KEY (job, offset))
    WITHOUT ROWID;
CREATE TABLE deliveries_shown (webhook TEXT PRIMARY KEY, state TEXT) WITHOUT ROWID;
-- The visible ending of each job: the first by offset.
CREATE VIEW firsts AS
    SELECT endings.* FROM endings
    WHERE offset = (SELECT min(offset) FROM endings AS others WHERE others.job = endings.job);
-- What is to be told, if anybody wants to know it: the first end of each job and of each batch.
CREATE VIEW ends AS
    SELECT job AS about, 'answers' AS topic, partition, offset, webhook FROM firsts
    UNION ALL
    SELECT batch, 'batches', partition, offset, webhook FROM batches
    WHERE offset = (SELECT min(offset) FROM batches AS others WHERE others.batch = batches.batch);
-- Which offsets of a partition were read, and since when it holds all that was said; and how far its readers had read it: of
-- whom nothing is known, has read all.
CREATE TABLE extents (topic TEXT, partition INT, first INT, after INT, PRIMARY KEY (topic, partition)) WITHOUT ROWID;
CREATE TABLE beginnings (topic TEXT, partition INT, at_ms REAL, PRIMARY KEY (topic, partition)) WITHOUT ROWID;
CREATE TABLE standings (reader TEXT, topic TEXT, partition INT, next INT, PRIMARY KEY (reader, topic, partition))
    WITHOUT ROWID;
