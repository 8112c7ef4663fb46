-- ARGV: 2 job, 3 metadata, 4 offset of the record, 5 the job's ttl
-- needs: updating
return update_job(ARGV[2], ARGV[3], ARGV[4], ARGV[5])
