-- Put before the scripts that move a job. Its `state` is written here alone, and where else it stands follows from that.
--
--   accepting --acknowledge--> queued --claim--> running --finish--> finishing --settle--> completed, failed, cancelled,
--     |   |                    |    ^              |                     ^                 expired or aborted
--     |   |                    |    +---put_back---+                     |
--     |   +--------------------+-------------------stop------------------+
--     +--abort--> aborted
--
-- It begins as `accepting`, as `queued` where the log tells of it before a gateway does, or has ended with a cached answer:
-- `finishing`, or `completed` where that is told at once. A claim may come before the acknowledgement. What the log says of
-- its end, by `settle`, ends a job of any state, or of none; the first record counts, even of one that was aborted.

-- Each list, and the states of the jobs that stand in it; of a job that Redis has lost nobody knows where it stands.
local LISTS = {
  accepting = 'accepting', -- since when it waits for the log: after 30 s it is given up
  lane = 'queued', -- by the time it was received: who may be claimed next
  deadlines = 'accepting queued running', -- when it expires, if it has a deadline
  readers = 'accepting queued running', -- until when somebody reads it, if it is given up without a reader
  finishing = 'finishing', -- since when its ending waits for the log: after 15 s somebody else publishes that
  waiting = 'accepting queued', -- of its key, and of its tenant: what counts against their limits
  inflight = 'accepting queued running finishing', -- the same; but a cached answer does not count
}
local OF_HOLDERS = { waiting = true, inflight = true }

local function queued(lane) return P .. 'lane:' .. lane .. ':waiting' end

-- `given` is what the job says of itself: its lane, where it enters or leaves one, and where it counts against limits its
-- key and tenant.
local function join(id, list, given, at_ms)
  if OF_HOLDERS[list] then
    for _, whose in ipairs(holders(given.key_id, given.tenant)) do redis.call('SADD', P .. list .. ':' .. whose, id) end
  elseif list ~= 'lane' then
    redis.call('ZADD', P .. list, at_ms, id)
  elseif redis.call('ZADD', queued(given.lane), 'NX', at_ms, id) == 1 and redis.call('ZCARD', queued(given.lane)) == 1 then
    -- The gap until the next start says nothing of how fast the lane is, if nothing waited in between.
    redis.call('HDEL', P .. 'lane:' .. given.lane .. ':pace', 'others_wait')
  end
end

local function leave(id, list, given)
  if OF_HOLDERS[list] then
    for _, whose in ipairs(holders(given.key_id, given.tenant)) do redis.call('SREM', P .. list .. ':' .. whose, id) end
  else
    redis.call('ZREM', list == 'lane' and queued(given.lane) or P .. list, id)
  end
end

-- From one state to another, with other fields that change; `at_ms` is its place in the list by time that it enters.
local function move(id, from, to, given, at_ms, ...)
  redis.call('HSET', job(id), 'state', to, ...)
  for list, states in pairs(LISTS) do
    local was, is = not from or string.find(states, from, 1, true), string.find(states, to, 1, true)
    if was and not is then leave(id, list, given) end
    if is and not was then join(id, list, given, at_ms) end
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
  list_job(P .. 'jobs:' .. given.tenant, id, given.received_ms, given.job_ttl_ms)
  if given.store then list_job(P .. 'completions:' .. given.tenant, id, given.received_ms, given.job_ttl_ms) end
  local now = now_ms()
  keep_job(id, given.job_ttl_ms, given.received_ms, now)
  if state == 'accepting' then join(id, 'accepting', given, ms(now)) end
  if state == 'queued' then join(id, 'lane', given, given.received_ms) end
  if state == 'accepting' or state == 'queued' then
    if given.deadline_ms ~= '' then join(id, 'deadlines', given, given.deadline_ms) end
    join(id, 'waiting', given)
    join(id, 'inflight', given)
    charge(job(id), given.tokens)
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
