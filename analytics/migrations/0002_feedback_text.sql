-- A comment's or a correction's words are text with a retention; thumbs, scores and preferences stay values.
ALTER TABLE feedback ADD COLUMN IF NOT EXISTS text String AFTER value;
