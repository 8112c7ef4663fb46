-- Take what is due under a lease: until it lapses, nobody else sees the delivery as due.
-- ARGV: 2 partitions of the view, 3 lease ms, 4 most, 5 most to one host, 6 how many are under way, by host, as MessagePack
-- needs: deliveries
local LOOK_AGAIN_MS = 50

-- The log knows the end and Redis does not show it yet: whoever were told now would ask, and find that it still runs.
local function is_under_way(about)
  local state = redis.call('HGET', job(about), 'state')
  return (state and not TERMINAL[state]) or redis.call('ZSCORE', P .. 'batches:open', about)
end

if not whole('deliveries', ARGV[2]) then return {} end
local now, room, busy, claimed = now_ms(), tonumber(ARGV[4]), cmsgpack.unpack(ARGV[6]), {}
for _, host in ipairs(redis.call('ZRANGEBYSCORE', P .. 'deliveries:hosts', '-inf', ms(now), 'LIMIT', 0, 500)) do
  local share = math.min(room, tonumber(ARGV[5]) - tonumber(busy[host] or 0))
  if share > 0 then
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', queue(host), '-inf', ms(now), 'LIMIT', 0, share)) do
      local it = redis.call('HMGET', delivery(id), 'attempt', 'url', 'job', 'tenant', 'key_id', 'body', 'topic', 'partition', 'offset')
      if it[6] and is_under_way(it[3]) then
        redis.call('ZADD', queue(host), ms(now + LOOK_AGAIN_MS), id)
      elseif it[6] then
        redis.call('ZADD', queue(host), ms(now + tonumber(ARGV[3])), id)
        claimed[#claimed + 1] = { id, it[1] or '0', it[2], it[3], it[4], it[5], it[6], it[7] or 'answers', it[8], it[9] }
        room = room - 1
      else
        redis.call('ZREM', queue(host), id)
      end
    end
    requeue_host(host)
  end
  if room <= 0 then break end
end
return claimed
