-- Put before the scripts that make an ending visible (step 7b). The first record by offset wins.
-- needs: conversation, states

-- A call failed that its client is told to make again: the key is that call's, where the log holds it already.
local function free_key(key, id)
  local it = redis.call('HMGET', key, 'job', 'next')
  if it[2] == id then redis.call('HDEL', key, 'next') end
  if it[1] ~= id then return end
  local fingerprint = it[2] and redis.call('HGET', job(it[2]), 'fingerprint')
  if not fingerprint then
    redis.call('DEL', key)
  else
    redis.call('HSET', key, 'job', it[2], 'fingerprint', fingerprint)
    redis.call('HDEL', key, 'next')
  end
end

-- `ending` is the published event's bytes; `described` is the job as MessagePack, in case Redis has lost it.
-- A job that was aborted unheard and whose record came late is told its end a second time: for the log.
local function settle(id, status, partition, offset, ending, turn, tokens_ttl_ms, described)
  local given, now = cmsgpack.unpack(described), now_ms()
  local it = redis.call('HMGET', job(id), 'state', 'published')
  if it[2] then
    local first = tonumber(string.match(it[2], ':(%d+)$'))
    if first < tonumber(offset) then return 'duplicate' end
    if first == tonumber(offset) then return 'again' end
  end
  local late = it[1] == 'aborted' and not it[2]
  if not it[1] then create(id, status, given, string.format('%d', now)) end
  local was = it[1] == 'completed' and not it[2] and 'finishing' or it[1] -- a cached answer that was told at once
  move(id, was, status, given, nil, 'ending', ending, 'published', partition .. ':' .. offset,
    'published_ms', given.published_ms, 'visible_ms', ms(now))
  if given.frees_key == '1' then free_key(P .. 'idempotency:' .. given.idempotency, id) end
  for name, value in pairs(given) do
    if string.sub(name, 1, 5) == 'time_' then redis.call('HSETNX', job(id), string.sub(name, 6), value) end
  end
  -- What clients see of an ended job is what the log says of it: the same today as from a Redis made anew.
  redis.call('HSET', job(id), 'attempt', given.attempt)
  for _, step in ipairs({ 'started_ms', 'finished_ms' }) do
    if given['time_' .. step] then redis.call('HSET', job(id), step, given['time_' .. step]) end
  end
  redis.call('HDEL', job(id), 'lease_ms', 'cancel', 'prompt', 'hit', 'limits', 'owes', 'begun', 'not_before_ms', 'tries',
    'first_error', 'last_error')
  local forgotten = redis.call('HEXISTS', job(id), 'forgotten') == 1
  if forgotten then redis.call('HDEL', job(id), 'ending', 'metadata') end
  keep_job(id, given.job_ttl_ms, given.published_ms, now)
  charge(job(id), given.tokens)
  if given.conversation ~= '' then
    leave_turn(given.conversation, id, turn, given.replaces, given.tenant, given.job_ttl_ms)
  end
  if not it[2] and not late then
    -- Who waits for the end is spared a look at the job. A long ending would crowd out what others are told.
    say(id, 'done', '', not forgotten and #ending <= 65536 and ending or '')
    redis.call('PEXPIRE', P .. 'tokens:' .. id, tokens_ttl_ms)
  end
  return late and 'late' or 'settled'
end
