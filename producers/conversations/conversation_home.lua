-- Put before the scripts that open or forget a conversation; both may run twice.
-- needs: conversation
local function open_conversation(id, tenant, title, metadata, at_ms, ttl_ms)
  local home, list = home_of(id), P .. 'conversations:' .. tenant
  if redis.call('HEXISTS', home, 'deleted') == 1 then return 'deleted' end
  in_order(id)
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
  local home = home_of(id)
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

-- The mark `deleted` stays, so that a late turn or a second reading of the log does not bring the history back, nor an
-- answer into the cache.
local function forget_conversation(id, tenant, ttl_ms)
  local home = home_of(id)
  for _, turn in ipairs(redis.call('HKEYS', texts(id))) do uncache(turn) end
  redis.call('DEL', turns(id), additions(id), texts(id), gaps(id), instructed(id), gone(id))
  redis.call('HDEL', home, 'title', 'metadata', 'newest', 'since', 'bytes')
  redis.call('HSET', home, 'tenant', tenant, 'deleted', '1')
  redis.call('PEXPIRE', home, ttl_ms)
  redis.call('ZREM', P .. 'conversations:' .. tenant, id)
  return 'deleted'
end

-- What is added stands half a place after the turn that it follows, and among its like in the log's order. Of two records
-- under one name, whose gateway died in between, the first in the log counts, whichever is read first; the answer is its
-- offset. (Its items' ids follow from the name, so that they are the same of either.)
local function added(offset, name) return string.format('added:%016d', tonumber(offset)) .. (name ~= '' and ':' .. name or '') end

local function add_items(id, tenant, messages, after, offset, ttl_ms, name)
  if is_deleted(id) then return offset end
  local first = name ~= '' and redis.call('HGET', texts(id), 'name:' .. name)
  if first and tonumber(first) <= tonumber(offset) then return first end
  if first then take_away_addition(id, added(first, name)) end
  if name ~= '' then redis.call('HSET', texts(id), 'name:' .. name, offset) end
  put_addition(id, added(offset, name), after, messages)
  keep_conversation(id, tenant, ttl_ms)
  return offset
end

-- The jobs' names stand with the items', for who reads of their answers only later.
local function delete_items(id, tenant, items, jobs, ttl_ms)
  if is_deleted(id) then return 'unknown' end
  for _, each in ipairs(cmsgpack.unpack(items)) do redis.call('SADD', gone(id), each) end
  for _, each in ipairs(cmsgpack.unpack(jobs)) do
    redis.call('SADD', gone(id), each)
    uncache(each)
  end
  keep_conversation(id, tenant, ttl_ms)
  return 'deleted'
end
