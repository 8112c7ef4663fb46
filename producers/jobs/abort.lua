-- After 30 s nobody has claimed it and the log does not hold it: nothing was promised, so everything reserved returns.
-- While the state view is not whole, the log may hold it unread.
-- ARGV: 2 job, 3 oldest ms, 4 partitions of the view
local id = ARGV[2]
if not whole('state', ARGV[4]) then return 0 end
local it = redis.call('HMGET', job(id), 'state', 'accepted_ms', 'key_id', 'idempotency', 'tenant')
redis.call('ZREM', P .. 'accepting', id)
if it[1] ~= 'accepting' then return 0 end
if tonumber(it[2]) > now_ms() - tonumber(ARGV[3]) then
  redis.call('ZADD', P .. 'accepting', it[2], id)
  return 0
end
redis.call('HSET', job(id), 'state', 'aborted', 'finished_ms', ms(now_ms()))
let_go(id, it[3], it[5])
charge(job(id), '0')
redis.call('ZREM', P .. 'deadlines', id)
redis.call('ZREM', P .. 'readers', id)
if it[4] and it[4] ~= '' and redis.call('HGET', P .. 'idempotency:' .. it[4], 'job') == id then
  redis.call('DEL', P .. 'idempotency:' .. it[4])
end
say(id, 'done', '')
redis.call('PEXPIRE', P .. 'tokens:' .. id, 3600000)
return 1
