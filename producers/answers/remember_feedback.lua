-- Of each author and kind of feedback the last in the log, beside its job; 1 for the first under its id.
-- ARGV: 2 job, 3 id of the feedback, 4 event, 5 offset of the record, 6 ttl
local key, place = P .. 'feedback:' .. ARGV[2], 'offset:' .. ARGV[3]
local kept = redis.call('HGET', key, place)
if kept and tonumber(kept) > tonumber(ARGV[5]) then return 0 end
redis.call('HSET', key, place, ARGV[5])
redis.call('PEXPIRE', key, ARGV[6])
return redis.call('HSET', key, ARGV[3], ARGV[4])
