-- Put before every script. ARGV[1] is the prefix of all keys.
local P = ARGV[1]
local TERMINAL = { completed = true, failed = true, cancelled = true, aborted = true, expired = true }

local function now_ms()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + tonumber(t[2]) / 1000
end

local function ms(number) return string.format('%.3f', number) end

local function job(id) return P .. 'job:' .. id end

local function turns(conversation) return P .. 'conversation:' .. conversation .. ':turns' end

local function texts(conversation) return P .. 'conversation:' .. conversation .. ':texts' end

-- True when the state view has read the log up to where it stood at the view's start.
local function whole(partitions) return redis.call('SCARD', P .. 'view:state:whole') >= tonumber(partitions) end

-- One entry of the job's stream, announced on the job's channel; its sequence number is its id.
local function say(id, kind, value)
  local seq = string.format('%d', redis.call('HINCRBY', job(id), 'seq', 1))
  redis.call('XADD', P .. 'tokens:' .. id, seq .. '-0', 'k', kind, 'v', value)
  redis.call('PUBLISH', P .. 'live:' .. id, seq .. ' ' .. kind .. ' ' .. value)
  return seq
end

-- A new job: `given` is what its prompt says of it, `seq` is where its stream starts to count.
local function create(id, state, given, seq)
  local fields = { 'state', state, 'seq', seq }
  for name, value in pairs(given) do
    if not string.find(name, '_ttl_ms$') and string.sub(name, 1, 5) ~= 'time_' then
      fields[#fields + 1] = name
      fields[#fields + 1] = value
    end
  end
  redis.call('HSET', job(id), unpack(fields))
  redis.call('PEXPIRE', job(id), given.job_ttl_ms)
  if not TERMINAL[state] then
    redis.call('SADD', P .. 'inflight:' .. given.key_id, id)
    if given.deadline_ms ~= '' then redis.call('ZADD', P .. 'deadlines', given.deadline_ms, id) end
  end
  if given.idempotency ~= '' then
    local key = P .. 'idempotency:' .. given.idempotency
    if redis.call('EXISTS', key) == 0 then
      redis.call('HSET', key, 'job', id, 'fingerprint', given.fingerprint)
      redis.call('PEXPIRE', key, given.idempotency_ttl_ms)
    end
  end
end
