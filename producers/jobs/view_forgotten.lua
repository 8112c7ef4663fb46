-- The state view reads that a job is to be forgotten, maybe before it reads of the job. ARGV: 7 job, 8 its ttl
-- needs: forgetting, view_step
return step(function() return forget_job(ARGV[7], ARGV[8]) end)
