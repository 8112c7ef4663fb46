-- Put before every script. ARGV[1] is the prefix of all keys.
local P = ARGV[1]
local TERMINAL = { completed = true, failed = true, cancelled = true, aborted = true, expired = true }

local function now_ms()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + tonumber(t[2]) / 1000
end

local function ms(number) return string.format('%.3f', number) end

local function job(id) return P .. 'job:' .. id end

-- The jobs of a lane that are queued and that nobody has claimed: each script that moves a job keeps it true.
local function queued(lane) return P .. 'queued:' .. lane end

local function turns(conversation) return P .. 'conversation:' .. conversation .. ':turns' end

local function texts(conversation) return P .. 'conversation:' .. conversation .. ':texts' end

-- A turn that another one has taken the place of: its text is empty from then on, so that neither its prompt nor its ending
-- brings it back, in whatever order the log is read.
local function is_replaced(conversation, id) return redis.call('HGET', texts(conversation), id) == '' end

local function replace_turn(conversation, id)
  redis.call('ZREM', turns(conversation), id)
  redis.call('HSET', texts(conversation), id, '')
end

-- Another one after each start of Redis, which may have come back with an older copy of its data.
local function run_id() return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') end

-- True when the view has read the log up to where it stood at its start, into this very run of Redis.
local function whole(view, partitions)
  local key = P .. 'view:' .. view .. ':whole'
  return redis.call('SCARD', key) >= tonumber(partitions) and redis.call('GET', key .. ':run') == run_id()
end

-- One entry of the job's stream, announced on the job's channel; its sequence number is its id.
local function say(id, kind, value)
  local seq = string.format('%d', redis.call('HINCRBY', job(id), 'seq', 1))
  redis.call('XADD', P .. 'tokens:' .. id, seq .. '-0', 'k', kind, 'v', value)
  redis.call('PUBLISH', P .. 'live:' .. id, seq .. ' ' .. kind .. ' ' .. value)
  return seq
end

-- What is left at `now` of a time to live that began at `since`: for what the log tells late.
local function left_ms(ttl_ms, since_ms, now) return math.floor(tonumber(ttl_ms) - math.max(0, now - tonumber(since_ms))) end

-- A job over its time is kept for an hour still: a record of it may be under way.
local function keep_job(id, ttl_ms, since_ms, now)
  redis.call('PEXPIRE', job(id), math.max(left_ms(ttl_ms, since_ms, now), 3600000))
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
  if state == 'queued' then redis.call('SADD', queued(given.lane), id) end
  local now = now_ms()
  keep_job(id, given.job_ttl_ms, given.received_ms, now)
  if not TERMINAL[state] then
    redis.call('SADD', P .. 'inflight:' .. given.key_id, id)
    if given.deadline_ms ~= '' then redis.call('ZADD', P .. 'deadlines', given.deadline_ms, id) end
  end
  local key_left_ms = left_ms(given.idempotency_ttl_ms, given.received_ms, now)
  if given.idempotency ~= '' and key_left_ms > 0 then
    local key = P .. 'idempotency:' .. given.idempotency
    if redis.call('EXISTS', key) == 0 then
      redis.call('HSET', key, 'job', id, 'fingerprint', given.fingerprint)
      redis.call('PEXPIRE', key, key_left_ms)
    end
  end
end
