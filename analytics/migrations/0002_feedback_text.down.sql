-- The words go with their column.
ALTER TABLE feedback DROP COLUMN IF EXISTS text;
