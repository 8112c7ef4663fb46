-- Whoever made an attempt, and has it in the log, says what it came to.
-- ARGV: 2 delivery, 3 attempt, 4 what it came to, 5 when the next is due, 6 ttl
-- needs: deliveries
return settle(ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6])
