-- Put before the scripts that note what became of a batch. Of each kind of event the first in the log counts, whoever tells of
-- it first, so twice is once.
-- needs: file_readers
local function batch_home(id) return P .. 'batch:' .. id end

local function note_batch(id, tenant, kind, event, at_ms, ttl_ms, file, offset)
  local home, list, open = batch_home(id), P .. 'batches:' .. tenant, P .. 'batches:open'
  local it = redis.call('HMGET', home, kind, kind .. '_at')
  if it[1] and tonumber(it[2] or 0) <= tonumber(offset) then return 'known' end
  redis.call('HSET', home, kind, event, kind .. '_at', offset)
  redis.call('HSETNX', home, 'tenant', tenant)
  redis.call('PEXPIRE', home, ttl_ms)
  if kind == 'submitted' then
    redis.call('HSET', home, 'created_ms', at_ms)
    for _, other in ipairs(redis.call('ZRANDMEMBER', list, 3)) do
      if redis.call('EXISTS', batch_home(other)) == 0 then redis.call('ZREM', list, other) end
    end
    redis.call('ZADD', list, at_ms, id)
    if redis.call('HEXISTS', home, 'ended') == 0 then
      redis.call('ZADD', open, at_ms, id)
      redis.call('HSET', home, 'file', file)
      read_by(file, id, tonumber(ttl_ms))
    end
  elseif kind == 'ended' then
    redis.call('ZREM', open, id)
    local read = redis.call('HGET', home, 'file')
    if read then redis.call('ZREM', file_readers(read), id) end
    redis.call('DEL', home .. ':progress', home .. ':lease')
  end
  return 'noted'
end
