-- After 30 s nobody has claimed it and the log does not hold it: nothing was promised, so everything reserved returns.
-- While the state view is not whole, the log may hold it unread.
-- ARGV: 2 job, 3 oldest ms, 4 partitions of the view
-- needs: states
local id = ARGV[2]
if not whole('state', ARGV[4]) then return 0 end
local it = redis.call('HMGET', job(id), 'state', 'accepted_ms', 'key_id', 'idempotency', 'tenant')
if it[1] ~= 'accepting' then
  leave(id, 'accepting')
  return 0
end
if tonumber(it[2]) > now_ms() - tonumber(ARGV[3]) then
  join(id, 'accepting', nil, it[2])
  return 0
end
move(id, 'accepting', 'aborted', { key_id = it[3], tenant = it[5] }, nil, 'finished_ms', ms(now_ms()))
charge(job(id), '0')
if it[4] and it[4] ~= '' and redis.call('HGET', P .. 'idempotency:' .. it[4], 'job') == id then
  redis.call('DEL', P .. 'idempotency:' .. it[4])
end
say(id, 'done', '')
redis.call('PEXPIRE', P .. 'tokens:' .. id, 3600000)
return 1
