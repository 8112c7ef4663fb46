-- Step 1: idempotency key -> job id, limits reserved, job `accepting`.
-- Every verdict ends with how the key stands: its budget of requests (`budget.lua`), and its jobs in flight.
-- Whatever is not refused for now is counted; `lane` is asked again at once, and counted then.
-- ARGV: 2 job, 3 partitions of the view, 4 requests a minute, 5 jobs in flight, 6 the job as MessagePack
local id, given = ARGV[2], cmsgpack.unpack(ARGV[6])
local now, quota, jobs = now_ms(), tonumber(ARGV[4]), tonumber(ARGV[5])
local level = level_of(given.key_id, quota, now)
local running = redis.call('SCARD', P .. 'inflight:' .. given.key_id)

local function with_standing(verdict)
  verdict = with_budget(verdict, quota, level)
  verdict[#verdict + 1] = running
  return verdict
end

local function counted(verdict)
  level = take_one(given.key_id, level, now)
  return with_standing(verdict)
end

if not whole('state', ARGV[3]) then return with_standing({ 'rebuilding' }) end
if level < 1 then return with_standing({ 'limited', 'requests' }) end
if given.idempotency ~= '' then
  local known = redis.call('HMGET', P .. 'idempotency:' .. given.idempotency, 'job', 'fingerprint')
  if known[1] and known[2] == given.fingerprint then
    -- Its prompt is about to be sent once more: the reaper's patience with it begins anew.
    if redis.call('HGET', job(known[1]), 'state') == 'accepting' then
      redis.call('HSET', job(known[1]), 'accepted_ms', ms(now))
      redis.call('ZADD', P .. 'accepting', ms(now), known[1])
    end
    return counted({ 'again', known[1] })
  end
  if known[1] then return counted({ 'other_payload' }) end
end
if given.conversation ~= '' then
  local it = redis.call('HMGET', P .. 'conversation:' .. given.conversation, 'tenant', 'lane', 'deleted')
  if it[1] ~= given.tenant or it[3] then return counted({ 'no_conversation' }) end
  if it[2] and it[2] ~= given.lane then return with_standing({ 'lane', it[2] }) end
  if given.replaces ~= '' then
    local last = redis.call('ZREVRANGE', turns(given.conversation), 0, 0)[1]
    local text = redis.call('HGET', texts(given.conversation), given.replaces)
    if last ~= given.replaces or not text or text == '' then return counted({ 'not_last' }) end
  end
end

if running >= jobs then return with_standing({ 'limited', 'jobs' }) end

running = running + 1
create(id, 'accepting', given, 0)
redis.call('HSET', job(id), 'accepted_ms', ms(now))
redis.call('ZADD', P .. 'accepting', ms(now), id)
if given.conversation ~= '' then
  redis.call('HSETNX', P .. 'conversation:' .. given.conversation, 'lane', given.lane)
end
return counted({ 'accepted', id })
