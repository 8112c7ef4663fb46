-- End a job that nobody runs, or (for a cancel) ask the worker that runs it to stop.
-- ARGV: 2 job, 3 ending, 4 '1' if a running job is to be stopped too, 5 '1' if only while nobody reads it,
-- 6 how many tokens were shown of what the ending tells, '' if none ever was
-- needs: states
local id = ARGV[2]
local it = redis.call('HMGET', job(id), 'state', 'token', 'ending', 'cancel', 'lane', 'key_id', 'tenant', 'shown')
local state, now = it[1], now_ms()
if ARGV[5] == '1' then
  local read_until = redis.call('ZSCORE', P .. 'readers', id)
  if not read_until or tonumber(read_until) > now then return { 'read' } end
  leave(id, 'readers')
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
if (it[8] or '') ~= ARGV[6] then return { 'shown' } end -- more than the ending tells
local token = math.max(tonumber(it[2] or 0) + 1, math.floor(now))
move(id, state, 'finishing', { lane = it[5], key_id = it[6], tenant = it[7] }, ms(now),
  'token', string.format('%d', token), 'ending', ARGV[3], 'finished_ms', ms(now))
return { 'finishing', ARGV[3] }
