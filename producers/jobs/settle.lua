-- Step 7b, by whoever published the ending.
-- ARGV: 2 job, 3 status, 4 partition, 5 offset, 6 ending, 7 turn, 8 ttl of the token stream, 9 the job as MessagePack
-- needs: settle_job
return settle(ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9])
