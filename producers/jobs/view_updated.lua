-- The state view reads that a job has other metadata. ARGV: 5 offset, 7 job, 8 metadata, 9 the job's ttl
-- needs: updating, view_step
return step(function() return update_job(ARGV[7], ARGV[8], ARGV[5], ARGV[9]) end)
