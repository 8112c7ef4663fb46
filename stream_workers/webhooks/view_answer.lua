-- The view of deliveries reads an ending that is to be told. The first of a job, or a batch, by offset counts.
-- ARGV: 7 delivery, 8 job or batch, 9 host, 10 when it is due, 11 ttl, 12... the delivery's pairs
-- needs: deliveries, view_step
return step(function()
  local id, first_key, offset = ARGV[7], P .. 'deliveries:first:' .. ARGV[8], ARGV[5]
  local first = redis.call('GET', first_key)
  if first and tonumber(first) < tonumber(offset) then return 'duplicate' end
  redis.call('SET', first_key, offset, 'PX', ARGV[11])
  local it = redis.call('HMGET', delivery(id), 'state', 'next_ms', 'host')
  if FINAL[it[1]] then return 'known' end
  redis.call('HSET', delivery(id), 'host', ARGV[9], unpack(ARGV, 12))
  redis.call('HSETNX', delivery(id), 'state', 'pending')
  redis.call('PEXPIRE', delivery(id), ARGV[11])
  if not it[3] then plan(id, ARGV[9], it[2] or ARGV[10]) end
  return 'planned'
end)
