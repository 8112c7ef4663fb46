-- ARGV: 2 job, which has ended, 3 its ttl
-- needs: forgetting
return forget_job(ARGV[2], ARGV[3])
