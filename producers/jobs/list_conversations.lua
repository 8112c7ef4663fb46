-- A page of a tenant's conversations by the time they were opened, then by id. What is gone is taken off the list on the
-- way: `again` where that was much for one script, and who asks again finds less of it.
-- ARGV: 2 tenant, 3 the id after which the page begins or '', 4 most, 5 '1' for newest first
local list, after, most, newest = P .. 'conversations:' .. ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5] == '1'
local at, looked, found = 0, 0, {}
if after ~= '' then
  local it = redis.call('HMGET', P .. 'conversation:' .. after, 'tenant', 'created_ms')
  local score = redis.call('ZSCORE', list, after) or (it[1] == ARGV[2] and it[2])
  if not score then return { 'unknown' } end
  -- One that was deleted meanwhile still marks a place.
  local is_gone = redis.call('ZADD', list, 'NX', score, after) == 1
  at = redis.call(newest and 'ZREVRANK' or 'ZRANK', list, after) + 1
  if is_gone then
    redis.call('ZREM', list, after)
    at = at - 1
  end
end
while #found <= most do
  local ids = redis.call(newest and 'ZREVRANGE' or 'ZRANGE', list, at, at + most)
  if #ids == 0 then break end
  if looked > 1000 then return { 'again' } end
  for _, id in ipairs(ids) do
    local it = redis.call('HMGET', P .. 'conversation:' .. id, 'created_ms', 'title', 'metadata', 'lane', 'deleted')
    if it[1] and not it[5] then
      found[#found + 1] = { id, it[2], it[3], it[1], it[4] or '' }
      at = at + 1
    else
      redis.call('ZREM', list, id)
    end
  end
  looked = looked + #ids
end
local has_more = #found > most
while #found > most do found[#found] = nil end
return { 'page', has_more and 1 or 0, found }
