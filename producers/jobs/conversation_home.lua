-- Put before the scripts that open or forget a conversation; both may run twice.
local function open_conversation(id, tenant, title, metadata, at_ms, ttl_ms)
  local home, list = P .. 'conversation:' .. id, P .. 'conversations:' .. tenant
  if redis.call('HEXISTS', home, 'deleted') == 1 then return 'deleted' end
  redis.call('HSET', home, 'tenant', tenant, 'created_ms', at_ms)
  redis.call('HSETNX', home, 'title', title)
  redis.call('HSETNX', home, 'metadata', metadata)
  redis.call('PEXPIRE', home, ttl_ms)
  -- Each new one looks after some others, so that a list which nobody reads does not grow with what has expired.
  for _, other in ipairs(redis.call('ZRANDMEMBER', list, 3)) do
    if redis.call('EXISTS', P .. 'conversation:' .. other) == 0 then redis.call('ZREM', list, other) end
  end
  redis.call('ZADD', list, at_ms, id)
  redis.call('PEXPIRE', list, ttl_ms)
  return 'open'
end

-- The later record by its offset wins, whoever applies it first; '' leaves a field as it was.
local function update_conversation(id, title, metadata, offset)
  local home = P .. 'conversation:' .. id
  local it = redis.call('HMGET', home, 'created_ms', 'deleted')
  if not it[1] or it[2] then return 'unknown' end
  for name, value in pairs({ title = title, metadata = metadata }) do
    local at = redis.call('HGET', home, name .. '_at')
    if value ~= '' and (not at or tonumber(at) < tonumber(offset)) then
      redis.call('HSET', home, name, value, name .. '_at', offset)
    end
  end
  return 'updated'
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
