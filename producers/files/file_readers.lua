-- Put before the scripts that say which batches read a file; each is known until a time, lest one that was never heard of
-- again keeps the file for ever.
local function file_readers(id) return P .. 'file:' .. id .. ':readers' end

local function read_by(id, batch, for_ms)
  redis.call('ZADD', file_readers(id), 'GT', ms(now_ms() + for_ms), batch)
  redis.call('PEXPIRE', file_readers(id), math.ceil(for_ms), 'NX')
  redis.call('PEXPIRE', file_readers(id), math.ceil(for_ms), 'GT')
end

local function reader_of(id)
  redis.call('ZREMRANGEBYSCORE', file_readers(id), '-inf', ms(now_ms()))
  return redis.call('ZRANGE', file_readers(id), 0, 0)[1]
end
