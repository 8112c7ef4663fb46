-- Put before every script. ARGV[1] is the prefix of all keys.
local P = ARGV[1]
local TERMINAL = { completed = true, failed = true, cancelled = true, aborted = true, expired = true }

local function now_ms()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + tonumber(t[2]) / 1000
end

local function ms(number) return string.format('%.3f', number) end

local function job(id) return P .. 'job:' .. id end

-- The jobs of a lane that are queued and that nobody has claimed, by the time they were received: each script that moves a
-- job keeps it true.
local function queued(lane) return P .. 'lane:' .. lane .. ':waiting' end

local function enqueue(id, lane, received_ms)
  -- The gap until the next start says nothing of how fast the lane is, if nothing waited in between.
  if redis.call('ZADD', queued(lane), 'NX', received_ms, id) == 1 and redis.call('ZCARD', queued(lane)) == 1 then
    redis.call('HDEL', P .. 'lane:' .. lane .. ':pace', 'others_wait')
  end
end

-- A tenant's jobs by the time they were received, or those of them whose answers are stored chat completions. Each new one
-- looks after some others, so that a list which nobody reads does not grow with what has expired.
local function list_job(list, id, received_ms, ttl_ms)
  for _, other in ipairs(redis.call('ZRANGE', list, 0, 2)) do
    if redis.call('EXISTS', job(other)) == 0 then redis.call('ZREM', list, other) end
  end
  redis.call('ZADD', list, received_ms, id)
  redis.call('PEXPIRE', list, ttl_ms)
end

-- The answer of this job that the cache was given goes from there.
local function uncache(id)
  local key = redis.call('HGET', job(id), 'cached')
  if key then redis.call('DEL', P .. key) end
  redis.call('HDEL', job(id), 'cached')
end

-- Another one after each start of Redis, which may have come back with an older copy of its data.
local function run_id() return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') end

-- True when the view has read the log up to where it stood at its start, into this very run of Redis.
local function whole(view, partitions)
  local key = P .. 'view:' .. view .. ':whole'
  return redis.call('SCARD', key) >= tonumber(partitions) and redis.call('GET', key .. ':run') == run_id()
end

-- One entry of the job's stream, announced on the job's channel (with `more` than its value, where that is given); its
-- sequence number is its id. The end has a channel of its own as well, for those who want nothing else.
local function say(id, kind, value, more)
  local seq = string.format('%d', redis.call('HINCRBY', job(id), 'seq', 1))
  redis.call('XADD', P .. 'tokens:' .. id, seq .. '-0', 'k', kind, 'v', value)
  local told = seq .. ' ' .. kind .. ' ' .. (more or value)
  redis.call('PUBLISH', P .. 'live:' .. id, told)
  if kind == 'done' then redis.call('PUBLISH', P .. 'ended:' .. id, told) end
  return seq
end

-- What is left at `now` of a time to live that began at `since`: for what the log tells late.
local function left_ms(ttl_ms, since_ms, now) return math.floor(tonumber(ttl_ms) - math.max(0, now - tonumber(since_ms))) end

-- A job over its time is kept for an hour still: a record of it may be under way.
local function keep_job(id, ttl_ms, since_ms, now)
  redis.call('PEXPIRE', job(id), math.max(left_ms(ttl_ms, since_ms, now), 3600000))
end

-- Whose limits a job counts against.
local function holders(key_id, tenant) return { key_id, 'tenant/' .. tenant } end

local function day_of(at_ms) return string.format('%d', math.floor(tonumber(at_ms) / 86400000)) end

-- A job is in flight from here on, and waits until somebody claims or ends it.
local function hold(id, key_id, tenant)
  for _, whose in ipairs(holders(key_id, tenant)) do
    redis.call('SADD', P .. 'inflight:' .. whose, id)
    redis.call('SADD', P .. 'waiting:' .. whose, id)
  end
end

local function no_longer_waits(id, key_id, tenant)
  for _, whose in ipairs(holders(key_id, tenant)) do redis.call('SREM', P .. 'waiting:' .. whose, id) end
end

local function let_go(id, key_id, tenant)
  no_longer_waits(id, key_id, tenant)
  for _, whose in ipairs(holders(key_id, tenant)) do redis.call('SREM', P .. 'inflight:' .. whose, id) end
end

-- A job costs so many tokens, or embeddings: first what is held back for it, then what it took. Told twice, it costs them
-- once: what it was charged before is kept with it, in its hash. Of a minute's quota nothing was taken where the log made
-- it anew.
local function charge(home, tokens)
  local it = redis.call('HMGET', home, 'key_id', 'tenant', 'received_ms', 'charged', 'by_minute')
  local more = tonumber(tokens) - tonumber(it[4] or 0)
  if more == 0 or not it[3] then return end
  redis.call('HSET', home, 'charged', tokens)
  local spent = P .. 'spent:' .. day_of(it[3])
  local left = (tonumber(day_of(it[3])) + 3) * 86400000 - now_ms()
  for _, whose in ipairs(holders(it[1], it[2])) do
    if left > 0 then redis.call('HINCRBY', spent, whose, string.format('%d', more)) end
    local bucket = P .. 'bucket:' .. whose .. ':tokens'
    if it[5] and redis.call('EXISTS', bucket) == 1 then redis.call('HINCRBYFLOAT', bucket, 'level', -more) end
  end
  if left > 0 then redis.call('PEXPIRE', spent, math.floor(left)) end
end

-- A call failed that its client is told to make again: the key is that call's, where the log holds it already.
local function free_key(key, id)
  local it = redis.call('HMGET', key, 'job', 'next')
  if it[2] == id then redis.call('HDEL', key, 'next') end
  if it[1] ~= id then return end
  local fingerprint = it[2] and redis.call('HGET', job(it[2]), 'fingerprint')
  if not fingerprint then
    redis.call('DEL', key)
  else
    redis.call('HSET', key, 'job', it[2], 'fingerprint', fingerprint)
    redis.call('HDEL', key, 'next')
  end
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
  if state == 'queued' then enqueue(id, given.lane, given.received_ms) end
  list_job(P .. 'jobs:' .. given.tenant, id, given.received_ms, given.job_ttl_ms)
  if given.store then list_job(P .. 'completions:' .. given.tenant, id, given.received_ms, given.job_ttl_ms) end
  local now = now_ms()
  keep_job(id, given.job_ttl_ms, given.received_ms, now)
  if not TERMINAL[state] then
    hold(id, given.key_id, given.tenant)
    charge(job(id), given.tokens)
    if given.deadline_ms ~= '' then redis.call('ZADD', P .. 'deadlines', given.deadline_ms, id) end
  end
  local key_left_ms = left_ms(given.idempotency_ttl_ms, given.received_ms, now)
  if given.idempotency ~= '' and key_left_ms > 0 then
    local key = P .. 'idempotency:' .. given.idempotency
    local holder = redis.call('HGET', key, 'job')
    if not holder then
      redis.call('HSET', key, 'job', id, 'fingerprint', given.fingerprint)
      redis.call('PEXPIRE', key, key_left_ms)
    elseif holder ~= id then
      -- A failure has freed the key between the two, and is not read yet.
      redis.call('HSET', key, 'next', id)
      redis.call('PEXPIRE', key, math.max(key_left_ms, redis.call('PTTL', key)))
    end
  end
end
