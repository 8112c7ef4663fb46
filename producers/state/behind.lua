-- Put before the scripts that tell of a sorted list, by time and then by id, some at a time: where those behind one begin,
-- and its time; nothing where neither the list nor who asks knows that. One that has gone meanwhile still marks a place.
local function behind(list, id, newest, known_at)
  local at = redis.call('ZSCORE', list, id) or (known_at ~= '' and known_at)
  if not at then return nil end
  local is_gone = redis.call('ZADD', list, 'NX', at, id) == 1
  local place = redis.call(newest and 'ZREVRANK' or 'ZRANK', list, id) + 1
  if is_gone then
    redis.call('ZREM', list, id)
    place = place - 1
  end
  return place, at
end
