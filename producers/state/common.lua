-- Put before every script. ARGV[1] is the prefix of all keys.
local P = ARGV[1]
local TERMINAL = { completed = true, failed = true, cancelled = true, aborted = true, expired = true }

local function now_ms()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + tonumber(t[2]) / 1000
end

local function ms(number) return string.format('%.3f', number) end

local function job(id) return P .. 'job:' .. id end

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

-- How many follow the job's entries now, on any gateway.
local function readers(id) return redis.call('PUBSUB', 'NUMSUB', P .. 'live:' .. id)[2] end

-- What is left at `now` of a time to live that began at `since`: for what the log tells late.
local function left_ms(ttl_ms, since_ms, now) return math.floor(tonumber(ttl_ms) - math.max(0, now - tonumber(since_ms))) end

-- Whose limits a job counts against.
local function holders(key_id, tenant) return { key_id, 'tenant/' .. tenant } end

local function day_of(at_ms) return string.format('%d', math.floor(tonumber(at_ms) / 86400000)) end

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
