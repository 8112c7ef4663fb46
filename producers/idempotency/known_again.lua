-- Put before the scripts by which the view reads of what was made under an Idempotency-Key: where Redis has lost the key, it
-- stands for the same words again, and for the same id. What was answered is not in the log: it is told anew.
local function know_again(name, fingerprint, seed, digest, at_ms, ttl_ms)
  local key, left = P .. 'once:' .. name, left_ms(ttl_ms, at_ms, now_ms())
  if name == '' or left <= 0 or redis.call('EXISTS', key) == 1 then return end
  redis.call('HSET', key, 'fingerprint', fingerprint, 'id', seed, 'until_ms', '0')
  if digest ~= '' then redis.call('HSET', key, 'digest', digest) end
  redis.call('PEXPIRE', key, left)
end
