-- A claimed job that cannot be answered now goes back into the queue, unless it is not wanted any more: what readers were
-- shown of it no longer holds, and the attempt is no death of a worker. The token goes on: a second call is refused.
-- ARGV: 2 job, 3 token
-- needs: states
local id, now = ARGV[2], now_ms()
local it = redis.call('HMGET', job(id), 'state', 'token', 'cancel', 'deadline_ms', 'shown', 'lane', 'received_ms', 'key_id',
  'tenant')
if it[1] ~= 'running' or it[2] ~= ARGV[3] then return 'lost' end
if it[3] then return 'cancelled' end
local deadline = tonumber(it[4] or '')
if deadline and deadline <= now then return 'expired' end
move(id, 'running', 'queued', { lane = it[6], key_id = it[8], tenant = it[9] }, it[7],
  'token', string.format('%d', tonumber(it[2]) + 1))
redis.call('HINCRBY', job(id), 'released', 1)
redis.call('HDEL', job(id), 'claimed_by', 'lease_ms', 'shown', 'begun')
if it[5] then say(id, 'snapshot', '') end
say(id, 'status', '{"status":"queued"}')
return 'kept'
