-- Put before the scripts that count requests: a bucket holds a minute's quota and fills evenly.
local function level_of(bucket, quota, now)
  local was = redis.call('HMGET', P .. 'bucket:' .. bucket, 'level', 'at')
  if not was[1] then return quota end
  return math.min(quota, tonumber(was[1]) + math.max(0, now - tonumber(was[2])) * quota / 60000)
end

local function take_one(bucket, level, now)
  redis.call('HSET', P .. 'bucket:' .. bucket, 'level', tostring(level - 1), 'at', ms(now))
  redis.call('PEXPIRE', P .. 'bucket:' .. bucket, 120000)
  return level - 1
end

-- The verdict, and how the bucket stands: requests left, ms until it is full, ms until the next request.
local function with_budget(verdict, quota, left)
  for _, number in ipairs({ math.floor(left), ms((quota - left) * 60000 / quota),
    ms(math.max(0, 1 - left) * 60000 / quota) }) do
    verdict[#verdict + 1] = number
  end
  return verdict
end
