-- Step 3: the broker holds the prompt: `accepting` -> `queued`, never back from a later state. `dropped` where the reaper
-- gave the job up before: no ending of it is in the log, and whoever reads its prompt there passes over it.
-- ARGV: 2 job
local id = ARGV[2]
local it = redis.call('HMGET', job(id), 'state', 'published', 'lane')
local state = it[1]
if state == 'aborted' and not it[2] then return 'dropped' end
if state == 'accepting' then
  redis.call('HSET', job(id), 'state', 'queued')
  redis.call('SADD', queued(it[3]), id)
  state = 'queued'
end
if state then redis.call('HSETNX', job(id), 'acknowledged_ms', ms(now_ms())) end
redis.call('ZREM', P .. 'accepting', id)
return state
