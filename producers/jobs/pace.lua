-- Put before the script that starts jobs: how far apart those of a lane start while others wait, as mean and variance in which
-- the last some dozens weigh most.
-- needs: states
local function note_start(lane, now)
  local key = P .. 'lane:' .. lane .. ':pace'
  local it = redis.call('HMGET', key, 'at', 'others_wait', 'gaps', 'mean', 'variance')
  if it[1] and it[2] then
    local gap, gaps = now - tonumber(it[1]), tonumber(it[3] or 0)
    local weight, mean = math.max(1 / 32, 1 / (gaps + 1)), tonumber(it[4] or gap)
    local off = gap - mean
    redis.call('HSET', key, 'gaps', math.min(gaps + 1, 32), 'mean', ms(mean + weight * off),
      'variance', ms((1 - weight) * (tonumber(it[5] or 0) + weight * off * off)))
  end
  redis.call('HSET', key, 'at', ms(now))
  if redis.call('ZCARD', queued(lane)) > 0 then redis.call('HSET', key, 'others_wait', '1')
  else redis.call('HDEL', key, 'others_wait') end
  redis.call('PEXPIRE', key, 3600000)
end
