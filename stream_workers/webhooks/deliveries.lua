-- Put before the scripts of deliveries. One queue a host, and one of hosts by their earliest delivery, so that a slow
-- receiver holds up nobody else.
local FINAL = { delivered = true, refused = true, exhausted = true }

local function delivery(id) return P .. 'delivery:' .. id end

local function queue(host) return P .. 'deliveries:due:' .. host end

local function requeue_host(host)
  local first = redis.call('ZRANGE', queue(host), 0, 0, 'WITHSCORES')
  if first[1] then
    redis.call('ZADD', P .. 'deliveries:hosts', first[2], host)
  else
    redis.call('ZREM', P .. 'deliveries:hosts', host)
  end
end

local function plan(id, host, at_ms)
  redis.call('ZADD', queue(host), at_ms, id)
  requeue_host(host)
end

-- What an attempt came to, told by the log or by whoever made it: twice is once, and what is final stays.
-- The answer that the delivery is for may be read later than this: then only state, attempt and next_ms are known.
local function settle(id, attempt, came_to, next_ms, ttl_ms)
  local it = redis.call('HMGET', delivery(id), 'attempt', 'state', 'host')
  if FINAL[it[2]] or (not FINAL[came_to] and tonumber(it[1] or 0) >= tonumber(attempt)) then return 'known' end
  redis.call('HSET', delivery(id), 'attempt', attempt, 'state', came_to, 'next_ms', next_ms)
  redis.call('PEXPIRE', delivery(id), ttl_ms)
  if it[3] and FINAL[came_to] then
    redis.call('ZREM', queue(it[3]), id)
    requeue_host(it[3])
    redis.call('HDEL', delivery(id), 'body')
  elseif it[3] then
    plan(id, it[3], next_ms)
  end
  return came_to
end
