-- A claimed job that cannot be answered now goes back into the queue, unless it is not wanted any more: what readers were
-- shown of it stands, and the attempt is no death of a worker. The token goes on: a second call is refused.
-- Nobody claims it before the wait is over, and what has gone wrong is kept with it.
-- ARGV: 2 job, 3 token, 4 ms to wait, 5 tries so far, 6 first error, 7 last error
-- needs: states
local id, now = ARGV[2], now_ms()
local it = redis.call('HMGET', job(id), 'state', 'token', 'cancel', 'deadline_ms', 'lane', 'received_ms', 'key_id', 'tenant')
if it[1] ~= 'running' or it[2] ~= ARGV[3] then return 'lost' end
if it[3] then return 'cancelled' end
local deadline = tonumber(it[4] or '')
if deadline and deadline <= now then return 'expired' end
move(id, 'running', 'queued', { lane = it[5], key_id = it[7], tenant = it[8] }, it[6],
  'token', string.format('%d', tonumber(it[2]) + 1))
redis.call('HINCRBY', job(id), 'released', 1)
redis.call('HDEL', job(id), 'claimed_by', 'lease_ms', 'begun')
if tonumber(ARGV[4]) > 0 then redis.call('HSET', job(id), 'not_before_ms', ms(now + tonumber(ARGV[4]))) end
if ARGV[5] ~= '0' then redis.call('HSET', job(id), 'tries', ARGV[5], 'first_error', ARGV[6], 'last_error', ARGV[7]) end
say(id, 'status', '{"status":"queued"}')
return 'kept'
