-- Some of a tenant's jobs by the time they were received, then by id. What has expired is taken off the list on the way.
-- Told are, besides those wanted, the last one looked at and its time: where whoever wants more asks on.
-- ARGV: 2 tenant, 3 the id after which to begin or '', 4 its time where it is known or '', 5 most found, 6 most looked at,
-- 7 '1' for newest first, 8 received from ms on or '-inf', 9 received before ms or '+inf', 10 status, 11 lane, 12 model,
-- 13 conversation (each may be ''), 14 which list, 15... metadata: key, value, the value in JSON, key, ...
-- needs: behind
local list, after, most, newest = P .. ARGV[14] .. ':' .. ARGV[2], ARGV[3], tonumber(ARGV[5]), ARGV[7] == '1'
local SHOWN = { accepting = 'queued', finishing = 'running' }

-- `told` is what the job says of itself, in the order in which it is asked below.
local function is_wanted(told)
  told[1] = SHOWN[told[1]] or told[1]
  if told[1] == 'running' and told[5] then told[1] = 'cancelling' end
  for at = 1, 4 do
    if ARGV[9 + at] ~= '' and ARGV[9 + at] ~= told[at] then return false end
  end
  if not ARGV[15] then return true end
  local written = told[7] or told[6] or '{}'
  -- To read it is dear: first whether it holds the value at all.
  for at = 17, #ARGV, 3 do
    if not string.find(written, ARGV[at], 1, true) then return false end
  end
  local metadata = cjson.decode(written)
  for at = 15, #ARGV, 3 do
    if metadata[ARGV[at]] ~= ARGV[at + 1] then return false end
  end
  return true
end

local from = ARGV[8]
local begin = newest and redis.call('ZCOUNT', list, ARGV[9], '+inf') or redis.call('ZCOUNT', list, '-inf', '(' .. from)
local found, left, last, last_at = {}, tonumber(ARGV[6]), after, ARGV[4]
if after ~= '' then
  local it, place = redis.call('HMGET', job(after), 'tenant', 'received_ms'), nil
  place, last_at = behind(list, after, newest, it[1] == ARGV[2] and it[2] or ARGV[4])
  if not place then return { 'unknown' } end
  begin = math.max(begin, place)
end

while left > 0 do
  local some = redis.call(newest and 'ZREVRANGE' or 'ZRANGE', list, begin, begin + math.min(left, 100) - 1, 'WITHSCORES')
  if #some == 0 then return { 'end', last, last_at, found } end
  left = left - #some / 2
  for i = 1, #some, 2 do
    local id, at = some[i], tonumber(some[i + 1])
    if (newest and from ~= '-inf' and at < tonumber(from)) or (not newest and ARGV[9] ~= '+inf' and at >= tonumber(ARGV[9])) then
      return { 'end', last, last_at, found }
    end
    local told = redis.call('HMGET', job(id), 'state', 'lane', 'model', 'conversation', 'cancel', 'metadata', 'metadata_now',
      'forgotten')
    if not told[1] or told[8] then
      redis.call('ZREM', list, id)
    else
      begin = begin + 1
      if is_wanted(told) then
        if #found == most then return { 'page', last, last_at, found } end
        local size = 0
        for _, field in ipairs({ 'ending', 'hit', 'prompt' }) do size = size + redis.call('HSTRLEN', job(id), field) end
        found[#found + 1] = { id, size }
      end
      last, last_at = id, some[i + 1]
    end
  end
end
return { 'more', last, last_at, found }
