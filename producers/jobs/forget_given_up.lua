-- Forget a job that was given up before the log held it, so that it may be accepted anew under the same id; 1 if it was one.
-- ARGV: 2 job
local it = redis.call('HMGET', job(ARGV[2]), 'state', 'published')
if it[1] ~= 'aborted' or it[2] then return 0 end
redis.call('DEL', job(ARGV[2]), P .. 'tokens:' .. ARGV[2])
return 1
