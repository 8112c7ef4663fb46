-- The prompt of an `accepting` job is about to be sent once more: the reaper's patience with it begins anew. ARGV: 2 job
local id, now = ARGV[2], now_ms()
if redis.call('HGET', job(id), 'state') ~= 'accepting' then return 0 end
redis.call('HSET', job(id), 'accepted_ms', ms(now))
redis.call('ZADD', P .. 'accepting', ms(now), id)
return 1
