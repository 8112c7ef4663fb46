-- What stands in a conversation beyond a place, turns and what was added, or of both only what holds instructions: names,
-- places, and how long their texts are.
-- ARGV: 2 id, 3 '1' newest first, 4 how many, 5 '1' instructions only, 6 place or '', 7 the name that stands there, or ''
-- needs: conversation
local id, newest_first, most = ARGV[2], ARGV[3] == '1', tonumber(ARGV[4])
local order, rank, from, to = 'ZRANGE', 'ZRANK', '-inf', ARGV[6]
if newest_first then order, rank, from, to = 'ZREVRANGE', 'ZREVRANK', ARGV[6], '+inf' end

-- How many of a list stand before what is asked for. Several additions may stand at one place, by their names.
local function passed(list)
  if ARGV[6] == '' then return 0 end
  if ARGV[7] == '' or redis.call('ZCOUNT', list, ARGV[6], ARGV[6]) == 0 then return redis.call('ZCOUNT', list, from, to) end
  local is_mark = redis.call('ZADD', list, 'NX', ARGV[6], ARGV[7]) == 1
  local before = redis.call(rank, list, ARGV[7])
  if is_mark then redis.call('ZREM', list, ARGV[7]) end
  return is_mark and before or before + 1
end

local function beyond(list)
  local first = passed(list)
  return redis.call(order, list, first, first + most - 1, 'WITHSCORES')
end

if redis.call('EXISTS', home_of(id)) == 1 then in_order(id) end
local one, other = beyond(ARGV[5] == '1' and instructed(id) or turns(id)), ARGV[5] == '1' and {} or beyond(additions(id))
local found, i, j = {}, 1, 1
while #found < 3 * most and (one[i] or other[j]) do
  local is_one = not other[j]
  if one[i] and other[j] then is_one = (tonumber(one[i + 1]) < tonumber(other[j + 1])) ~= newest_first end
  local name, place = other[j], other[j + 1]
  if is_one then name, place, i = one[i], one[i + 1], i + 2 else j = j + 2 end
  found[#found + 1], found[#found + 2], found[#found + 3] = name, place, redis.call('HSTRLEN', texts(id), name)
end
return found
