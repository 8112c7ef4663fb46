-- Renew many leases at once and learn whether each job is still wanted.
-- ARGV: 2 lease ms, 3... job, token, job, token, ...
local now, verdicts = now_ms(), {}
for i = 3, #ARGV, 2 do
  local it = redis.call('HMGET', job(ARGV[i]), 'state', 'token', 'cancel', 'deadline_ms')
  local verdict = 'kept'
  if it[1] ~= 'running' or it[2] ~= ARGV[i + 1] then
    verdict = 'lost'
  else
    redis.call('HSET', job(ARGV[i]), 'lease_ms', ms(now + tonumber(ARGV[2])))
    local deadline = tonumber(it[4] or '')
    if it[3] then verdict = 'cancelled' elseif deadline and deadline <= now then verdict = 'expired' end
  end
  verdicts[#verdicts + 1] = verdict
end
return verdicts
