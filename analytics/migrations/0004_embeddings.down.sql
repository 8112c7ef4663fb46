-- What was used is forgotten here; the log still has it, for as long as it is kept.
DROP TABLE IF EXISTS embeddings;
