-- Put before the scripts that keep or forget a file; both may run twice.
local function file_home(id) return P .. 'file:' .. id end

-- When the bytes of a file go, whatever becomes of it until then.
local function doom_file(id, at_ms) redis.call('ZADD', P .. 'files:doomed', at_ms, id) end

-- Of two records of one file, told by two who each believed a batch to be theirs, the first in the log counts, whichever is
-- read first.
local function keep_file(id, tenant, purpose, event, at_ms, expires_ms, offset)
  local home, list = file_home(id), P .. 'files:' .. tenant
  local it = redis.call('HMGET', home, 'deleted', 'event', 'at')
  if it[1] then return 'deleted' end
  if it[2] and tonumber(it[3] or 0) <= tonumber(offset) then return 'known' end
  doom_file(id, expires_ms)
  if tonumber(expires_ms) <= now_ms() then return 'expired' end
  redis.call('HSET', home, 'tenant', tenant, 'purpose', purpose, 'created_ms', at_ms, 'event', event, 'at', offset)
  redis.call('PEXPIREAT', home, string.format('%d', expires_ms))
  -- Each new one looks after some others, so that a list which nobody reads does not grow with what has expired.
  for _, other in ipairs(redis.call('ZRANDMEMBER', list, 3)) do
    if redis.call('EXISTS', file_home(other)) == 0 then redis.call('ZREM', list, other) end
  end
  redis.call('ZADD', list, at_ms, id)
  return 'kept'
end

-- The mark `deleted` stays for a while, so that a second reading of the log does not bring the file back.
local function forget_file(id, tenant, ttl_ms)
  redis.call('HDEL', file_home(id), 'event', 'purpose', 'at')
  redis.call('HSET', file_home(id), 'tenant', tenant, 'deleted', '1')
  redis.call('PEXPIRE', file_home(id), ttl_ms)
  redis.call('ZREM', P .. 'files:' .. tenant, id)
  doom_file(id, ms(now_ms()))
  return 'deleted'
end
