-- How deliveries stand: what came of those that are over, `pending` or `retry` of those that are planned, and '' of others.
-- ARGV: 2 partitions of the view, 3... deliveries
-- needs: deliveries
if not whole('deliveries', ARGV[2]) then return nil end
local found = {}
for i = 3, #ARGV do
  local it = redis.call('HMGET', delivery(ARGV[i]), 'state', 'host')
  local is_planned = it[2] and redis.call('ZSCORE', queue(it[2]), ARGV[i])
  found[#found + 1] = it[1] and (FINAL[it[1]] or is_planned) and it[1] or ''
end
return found
