-- End a job that has not started, or (for a cancel) ask the worker that runs it to stop.
-- ARGV: 2 job, 3 ending, 4 '1' if a running job is to be stopped too, 5 '1' if only while nobody reads it
local id = ARGV[2]
local it = redis.call('HMGET', job(id), 'state', 'token', 'ending', 'cancel', 'lane', 'key_id', 'tenant')
local state, now = it[1], now_ms()
if ARGV[5] == '1' then
  local read_until = redis.call('ZSCORE', P .. 'readers', id)
  if not read_until or tonumber(read_until) > now then return { 'read' } end
  redis.call('ZREM', P .. 'readers', id)
end
if not state then return { 'unknown' } end
if TERMINAL[state] then return { 'ended' } end
if state == 'finishing' then return { 'ending' } end
if state == 'running' then
  if ARGV[4] == '1' and not it[4] then
    redis.call('HSET', job(id), 'cancel', '1')
    say(id, 'status', '{"status":"cancelling"}')
    redis.call('PUBLISH', P .. 'cancels', id)
  end
  return { 'running' }
end
local token = math.max(tonumber(it[2] or 0) + 1, math.floor(now))
redis.call('HSET', job(id), 'state', 'finishing', 'token', string.format('%d', token), 'ending', ARGV[3],
  'finished_ms', ms(now))
redis.call('ZADD', P .. 'finishing', ms(now), id)
redis.call('ZREM', P .. 'accepting', id)
redis.call('ZREM', queued(it[5]), id)
no_longer_waits(id, it[6], it[7])
return { 'finishing', ARGV[3] }
