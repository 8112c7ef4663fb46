-- Put before the scripts that give a job other metadata. The last record by offset counts, and it may be read before the job.
local function update_job(id, metadata, offset, ttl_ms)
  local it = redis.call('HMGET', job(id), 'metadata_at', 'forgotten')
  if it[2] or (it[1] and tonumber(it[1]) >= tonumber(offset)) then return 'passed' end
  redis.call('HSET', job(id), 'metadata_now', metadata, 'metadata_at', offset)
  if redis.call('PTTL', job(id)) < 0 then redis.call('PEXPIRE', job(id), ttl_ms) end
  return 'updated'
end
