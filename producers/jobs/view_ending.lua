-- The state view reads an ending.
-- ARGV: 6 job, 7 status, 8 partition, 9 ending, 10 turn, 11 ttl of the token stream, 12... the job's pairs
return step(function() return settle(ARGV[6], ARGV[7], ARGV[8], ARGV[4], ARGV[9], ARGV[10], ARGV[11], 12) end)
