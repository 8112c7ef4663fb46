-- Put before the scripts that keep what is said of dead letters; all may run twice. Of two records that say the same, the first
-- in the log counts, whichever is read first; one that was redriven is so, whatever else is said of it.
local function letter_home(id) return P .. 'letter:' .. id end

local function is_first(home, field, event, offset)
  local known = redis.call('HGET', home, field .. '_at')
  if known and tonumber(known) <= tonumber(offset) then return false end
  redis.call('HSET', home, field, event, field .. '_at', offset)
  return true
end

local function keep_letter(id, event, offset, at_ms, ttl_ms, reason, job_id, tenant, model)
  local home, left = letter_home(id), left_ms(ttl_ms, at_ms, now_ms())
  if left <= 0 then return 'expired' end
  if not is_first(home, 'buried', event, offset) then return 'known' end
  redis.call('HSETNX', home, 'state', 'dead')
  redis.call('HSET', home, 'created_ms', at_ms, 'reason', reason, 'job', job_id, 'tenant', tenant, 'model', model)
  redis.call('PEXPIRE', home, left)
  -- Each new one looks after some others, so that a list which nobody reads does not grow with what has expired.
  for _, other in ipairs(redis.call('ZRANGE', P .. 'letters', 0, 2)) do
    if redis.call('EXISTS', letter_home(other)) == 0 then redis.call('ZREM', P .. 'letters', other) end
  end
  redis.call('ZADD', P .. 'letters', at_ms, id)
  return 'kept'
end

-- `what` is `buried`, `redriven:` with its number, or `discarded`; of the last two nothing more is given than the event.
local function tell_letter(what, id, event, offset, ...)
  if what == 'buried' then return keep_letter(id, event, offset, ...) end
  local home = letter_home(id)
  if redis.call('EXISTS', home) == 0 then return 'unknown' end
  is_first(home, what, event, offset)
  if what ~= 'discarded' then
    redis.call('HSET', home, 'state', 'redriven')
  elseif redis.call('HGET', home, 'state') == 'dead' then
    redis.call('HSET', home, 'state', 'discarded')
  end
  return 'kept'
end
