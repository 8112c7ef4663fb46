-- Put before the scripts that count: a bucket holds a minute's quota and fills evenly.
local function level_of(bucket, quota, now)
  local was = redis.call('HMGET', P .. 'bucket:' .. bucket, 'level', 'at')
  if not was[1] then return quota end
  return math.min(quota, tonumber(was[1]) + math.max(0, now - tonumber(was[2])) * quota / 60000)
end

-- What is kept lasts until the bucket is full again; a bucket that is gone is full.
local function take(bucket, quota, level, now, many)
  redis.call('HSET', P .. 'bucket:' .. bucket, 'level', tostring(level - many), 'at', ms(now))
  redis.call('PEXPIRE', P .. 'bucket:' .. bucket, math.ceil((quota - level + many) * 60000 / quota) + 60000)
  return level - many
end
