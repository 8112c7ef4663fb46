-- Step 3: the broker holds the prompt: `accepting` -> `queued`, never back from a later state.
-- ARGV: 2 job
local id = ARGV[2]
local state = redis.call('HGET', job(id), 'state')
if state == 'accepting' then
  redis.call('HSET', job(id), 'state', 'queued')
  state = 'queued'
end
if state then redis.call('HSETNX', job(id), 'acknowledged_ms', ms(now_ms())) end
redis.call('ZREM', P .. 'accepting', id)
return state
