-- Step 4: take the job under a lease, or say why not.
-- The same nonce finds the lease that it was granted before, if nobody has claimed since: a reply may get lost.
-- ARGV: 2 job, 3 partitions of the view, 4 worker, 5 lease ms, 6 most deaths, 7 conversation, 8 place in it, 9 the job as
-- MessagePack, 10 nonce or ''
-- needs: conversation, pace, states
local id, conversation, place = ARGV[2], ARGV[7], ARGV[8]
if not whole('state', ARGV[3]) then return { 'rebuilding' } end
local now = now_ms()
local it = redis.call('HMGET', job(id), 'state', 'token', 'lease_ms', 'attempt', 'cancel', 'published', 'ending',
  'deadline_ms', 'shown', 'claimed_by', 'lane', 'released', 'key_id', 'tenant', 'begun', 'charged', 'not_before_ms',
  'tries', 'first_error', 'last_error', 'first_token_ms')
local state, claimer = it[1], ARGV[4] .. ' ' .. ARGV[10]
if TERMINAL[state] then return { it[6] and 'published' or 'gone' } end
if state == 'finishing' then return it[7] and { 'finishing', it[7] } or { 'held', '1000' } end -- a cached answer is the gateway's to publish
local again = state == 'running' and ARGV[10] ~= '' and it[10] == claimer
if state == 'running' and tonumber(it[3]) > now and not again then return { 'held', ms(tonumber(it[3]) - now) } end
if state == 'queued' and it[17] and tonumber(it[17]) > now then return { 'later', ms(tonumber(it[17]) - now) } end
if not state then
  local given = cmsgpack.unpack(ARGV[9])
  create(id, 'queued', given, string.format('%d', now))
  it[8], it[11], it[13], it[14] = given.deadline_ms, given.lane, given.key_id, given.tenant
end
if conversation ~= '' then
  take_place(conversation, id, place)
  local before = turn_before(conversation, '(' .. place)
  if before and redis.call('EXISTS', job(before)) == 1 and not redis.call('HGET', job(before), 'published') then
    return { 'behind', before }
  end
end

local attempt = tonumber(it[4] or 0) + (again and 0 or 1)
local token = again and tonumber(it[2]) or math.max(tonumber(it[2] or 0) + 1, math.floor(now))
local deadline = tonumber(it[8] or '')
local begun = tonumber(it[15] or '') -- the first attempt that the model may have been asked in, since the job was last put back
local uncounted = begun and begun < attempt and (it[16] or '0') or ''
local verdict = 'claimed'
if attempt - tonumber(it[12] or 0) > tonumber(ARGV[6]) then verdict = 'poison'
elseif it[5] then verdict = 'cancelled'
elseif deadline and deadline <= now then verdict = 'expired'
elseif conversation ~= '' and is_deleted(conversation) then
  verdict = 'deleted' -- the history is gone: an answer without it would be to another question
end
move(id, state or 'queued', 'running', { lane = it[11], key_id = it[13], tenant = it[14] }, nil,
  'token', string.format('%d', token), 'worker', ARGV[4], 'attempt', attempt, 'lease_ms', ms(now + tonumber(ARGV[5])),
  'claimed_by', claimer)
if not again then redis.call('HSET', job(id), 'claimed_ms', ms(now)) end
if it[17] then redis.call('HDEL', job(id), 'not_before_ms') end
if verdict == 'claimed' then redis.call('HSETNX', job(id), 'begun', attempt) end
if state ~= 'running' and verdict == 'claimed' then note_start(it[11], now) end
if verdict == 'claimed' and not again then
  redis.call('HSETNX', job(id), 'started_ms', ms(now))
  say(id, 'status', string.format('{"status":"running","attempt":%d,"started_at":%d}', attempt,
    math.floor(tonumber(redis.call('HGET', job(id), 'started_ms')) / 1000)))
end
local times = redis.call('HMGET', job(id), 'received_ms', 'accepted_ms', 'acknowledged_ms', 'claimed_ms', 'started_ms')
return { verdict, attempt, string.format('%d', token), uncounted, readers(id), it[18] or '', it[19] or '', it[20] or '', it[9] or '', times[1] or '', times[2] or '', times[3] or '', times[4], times[5] or '', it[9] and it[21] or '' }
