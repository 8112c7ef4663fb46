-- Put before the scripts that forget a job: its text goes, and what the log tells of it later brings nothing back.
local function forget_job(id, ttl_ms)
  uncache(id)
  redis.call('HSET', job(id), 'forgotten', '1')
  redis.call('HDEL', job(id), 'ending', 'prompt', 'hit', 'metadata', 'metadata_now')
  redis.call('DEL', P .. 'tokens:' .. id)
  if redis.call('PTTL', job(id)) < 0 then redis.call('PEXPIRE', job(id), ttl_ms) end
  return 'forgotten'
end
