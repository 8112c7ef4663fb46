-- A reader is told the last event of a response's stream, under this number: who comes back with it has seen the end.
-- ARGV: 2 job, 3 number
local known = redis.call('HMGET', job(ARGV[2]), 'state', 'last_event')
if known[1] and tonumber(known[2] or -1) < tonumber(ARGV[3]) then redis.call('HSET', job(ARGV[2]), 'last_event', ARGV[3]) end
return 1
