-- Put before the scripts that open or forget a conversation; both may run twice.
local function open_conversation(id, tenant, title, metadata, at_ms, ttl_ms)
  local home, list = P .. 'conversation:' .. id, P .. 'conversations:' .. tenant
  if redis.call('HEXISTS', home, 'deleted') == 1 then return 'deleted' end
  redis.call('HSET', home, 'tenant', tenant, 'title', title, 'metadata', metadata, 'created_ms', at_ms)
  redis.call('PEXPIRE', home, ttl_ms)
  -- Each new one looks after some others, so that a list which nobody reads does not grow with what has expired.
  for _, other in ipairs(redis.call('ZRANDMEMBER', list, 3)) do
    if redis.call('EXISTS', P .. 'conversation:' .. other) == 0 then redis.call('ZREM', list, other) end
  end
  redis.call('ZADD', list, at_ms, id)
  redis.call('PEXPIRE', list, ttl_ms)
  return 'open'
end

-- The mark `deleted` stays, so that a late turn or a second reading of the log does not bring the history back.
local function forget_conversation(id, tenant, ttl_ms)
  local home = P .. 'conversation:' .. id
  redis.call('DEL', turns(id), texts(id))
  redis.call('HDEL', home, 'title', 'metadata')
  redis.call('HSET', home, 'tenant', tenant, 'deleted', '1')
  redis.call('PEXPIRE', home, ttl_ms)
  redis.call('ZREM', P .. 'conversations:' .. tenant, id)
  return 'deleted'
end
