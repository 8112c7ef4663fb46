-- Some ids of a sorted list, by time and then by id. What is gone is taken off the list on the way.
-- Told are, besides those wanted, the last one looked at and its time: where whoever wants more asks on.
-- ARGV: 2 list, 3 kind of the homes, 4 tenant, 5 the id after which to begin or '', 6 its time where it is known or '',
-- 7 most found, 8 most looked at, 9 '1' for newest first, 10 and 11 a field and the value that it must have, or ''
-- needs: behind
local list, kind, after, most, newest = P .. ARGV[2], P .. ARGV[3] .. ':', ARGV[5], tonumber(ARGV[7]), ARGV[9] == '1'
local begin, found, left, last, last_at = 0, {}, tonumber(ARGV[8]), after, ARGV[6]
if after ~= '' then
  local it = redis.call('HMGET', kind .. after, 'tenant', 'created_ms')
  begin, last_at = behind(list, after, newest, it[1] == ARGV[4] and it[2] or ARGV[6])
  if not begin then return { 'unknown' } end
end
while left > 0 do
  local some = redis.call(newest and 'ZREVRANGE' or 'ZRANGE', list, begin, begin + math.min(left, 100) - 1, 'WITHSCORES')
  if #some == 0 then return { 'end', last, last_at, found } end
  left = left - #some / 2
  for i = 1, #some, 2 do
    local it = redis.call('HMGET', kind .. some[i], 'created_ms', 'deleted', ARGV[10])
    if not it[1] or it[2] then
      redis.call('ZREM', list, some[i])
    else
      if ARGV[10] == '' or it[3] == ARGV[11] then
        if #found == most then return { 'page', last, last_at, found } end
        found[#found + 1] = some[i]
      end
      begin, last, last_at = begin + 1, some[i], some[i + 1]
    end
  end
end
return { 'more', last, last_at, found }
