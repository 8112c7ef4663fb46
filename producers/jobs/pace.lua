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

-- How long a job that enters the lane now is to wait, and how long at least in about nineteen of twenty cases (`outlook` of
-- waiting.py says the same of one that waits); nothing where none waits or nobody knows the pace.
local function wait_in(lane, now)
  local ahead = redis.call('ZCARD', queued(lane))
  if ahead == 0 then return end
  local it = redis.call('HMGET', P .. 'lane:' .. lane .. ':pace', 'at', 'gaps', 'mean', 'variance')
  local gaps = tonumber(it[2] or 0)
  if gaps < 5 then return end
  local place, mean = ahead + 1, tonumber(it[3])
  local off = 1.645 * math.sqrt(tonumber(it[4]) * (place + place * place / gaps))
  return place * mean + math.max(0, now - tonumber(it[1]) - mean), math.max(0, place * mean - off)
end
