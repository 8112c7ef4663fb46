-- What was said of answers on one line.
SELECT
    count() AS judgements,
    countIf(kind = 'thumb' AND said_value = 'up') AS up,
    countIf(kind = 'thumb' AND said_value = 'down') AS down,
    if(up + down = 0, NULL, up / (up + down)) AS approval
FROM asked_feedback
