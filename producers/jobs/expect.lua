-- The prompt of an `accepting` job is about to be sent once more: the reaper's patience with it begins anew. ARGV: 2 job
-- needs: states
local id, now = ARGV[2], now_ms()
if redis.call('HGET', job(id), 'state') ~= 'accepting' then return 0 end
redis.call('HSET', job(id), 'accepted_ms', ms(now))
join(id, 'accepting', nil, ms(now))
return 1
