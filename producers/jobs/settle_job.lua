-- A job that was aborted unheard and whose record came late is told its end a second time: for the log.
-- Put before the scripts that make an ending visible (step 7b). The first record by offset wins.
-- `ending` is the published event's bytes; `described` is the job as MessagePack, in case Redis has lost it.
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
  redis.call('HSET', job(id), 'state', status, 'ending', ending, 'published', partition .. ':' .. offset,
    'published_ms', given.published_ms, 'visible_ms', ms(now))
  for name, value in pairs(given) do
    if string.sub(name, 1, 5) == 'time_' then redis.call('HSETNX', job(id), string.sub(name, 6), value) end
  end
  redis.call('HDEL', job(id), 'lease_ms', 'cancel', 'prompt')
  keep_job(id, given.job_ttl_ms, given.published_ms, now)
  redis.call('SREM', P .. 'inflight:' .. given.key_id, id)
  if it[1] == 'queued' then redis.call('SREM', queued(given.lane), id) end
  redis.call('ZREM', P .. 'accepting', id)
  redis.call('ZREM', P .. 'finishing', id)
  redis.call('ZREM', P .. 'deadlines', id)
  if given.conversation ~= '' then
    local home = P .. 'conversation:' .. given.conversation
    if turn == '' or redis.call('HEXISTS', home, 'deleted') == 1 then
      redis.call('ZREM', turns(given.conversation), id)
    else
      if not is_replaced(given.conversation, id) then redis.call('HSET', texts(given.conversation), id, turn) end
      if given.replaces and given.replaces ~= '' then replace_turn(given.conversation, given.replaces) end
      for _, key in ipairs({ home, turns(given.conversation), texts(given.conversation),
        P .. 'conversations:' .. given.tenant }) do
        redis.call('PEXPIRE', key, given.job_ttl_ms)
      end
    end
  end
  if not it[2] and not late then
    say(id, 'done', '')
    redis.call('PEXPIRE', P .. 'tokens:' .. id, tokens_ttl_ms)
  end
  return late and 'late' or 'settled'
end
