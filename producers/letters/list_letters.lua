-- Some dead letters by the time they were buried, then by id. What has expired is taken off the list on the way.
-- Told are, besides those wanted, the last one looked at and its time: where whoever wants more asks on.
-- ARGV: 2 the id after which to begin or '', 3 its time where it is known or '', 4 most found, 5 most looked at,
-- 6 '1' for newest first, 7 buried from ms on or '-inf', 8 buried before ms or '+inf', 9 state, 10 reason, 11 tenant, 12 model
-- (each may be '')
-- needs: behind, letter_home
local list, after, most, newest, from, before = P .. 'letters', ARGV[2], tonumber(ARGV[4]), ARGV[6] == '1', ARGV[7], ARGV[8]

-- `told` is state, reason, tenant, model, job; whose it is may be known of the job alone.
local function is_wanted(told)
  if told[3] == '' and told[5] ~= '' and (ARGV[11] ~= '' or ARGV[12] ~= '') then
    local it = redis.call('HMGET', job(told[5]), 'tenant', 'model')
    told[3], told[4] = it[1] or '', it[2] or ''
  end
  for at = 1, 4 do
    if ARGV[8 + at] ~= '' and ARGV[8 + at] ~= told[at] then return false end
  end
  return true
end

local begin = newest and redis.call('ZCOUNT', list, before, '+inf') or redis.call('ZCOUNT', list, '-inf', '(' .. from)
local found, left, last, last_at = {}, tonumber(ARGV[5]), after, ARGV[3]
if after ~= '' then
  local place
  place, last_at = behind(list, after, newest, redis.call('HGET', letter_home(after), 'created_ms') or ARGV[3])
  if not place then return { 'unknown' } end
  begin = math.max(begin, place)
end

while left > 0 do
  local some = redis.call(newest and 'ZREVRANGE' or 'ZRANGE', list, begin, begin + math.min(left, 100) - 1, 'WITHSCORES')
  if #some == 0 then return { 'end', last, last_at, found } end
  left = left - #some / 2
  for i = 1, #some, 2 do
    local id, at = some[i], tonumber(some[i + 1])
    if (newest and from ~= '-inf' and at < tonumber(from)) or (not newest and before ~= '+inf' and at >= tonumber(before)) then
      return { 'end', last, last_at, found }
    end
    local told = redis.call('HMGET', letter_home(id), 'state', 'reason', 'tenant', 'model', 'job')
    if not told[1] then
      redis.call('ZREM', list, id)
    else
      begin = begin + 1
      if is_wanted(told) then
        if #found == most then return { 'page', last, last_at, found } end
        found[#found + 1] = { id, redis.call('HSTRLEN', letter_home(id), 'buried') }
      end
      last, last_at = id, some[i + 1]
    end
  end
end
return { 'more', last, last_at, found }
