-- Step 1: idempotency key -> job id, limits reserved, job `accepting`.
-- Every verdict but `rebuilding` ends with how the key stands: requests left, ms to a full bucket, ms to the next, jobs.
-- ARGV: 2 job, 3 partitions of the view, 4 requests a minute, 5 jobs in flight, 6 the job as MessagePack
local id, given = ARGV[2], cmsgpack.unpack(ARGV[6])
if not whole('state', ARGV[3]) then return { 'rebuilding' } end
-- A bucket that holds a minute's requests and fills evenly.
local now, quota, jobs = now_ms(), tonumber(ARGV[4]), tonumber(ARGV[5])
local bucket, inflight = P .. 'bucket:' .. given.key_id, P .. 'inflight:' .. given.key_id
local was = redis.call('HMGET', bucket, 'level', 'at')
local level = quota
if was[1] then level = math.min(quota, tonumber(was[1]) + math.max(0, now - tonumber(was[2])) * quota / 60000) end
local running = redis.call('SCARD', inflight)

local function with_standing(verdict, left)
  for _, number in ipairs({ math.floor(left), ms((quota - left) * 60000 / quota),
    ms(math.max(0, 1 - left) * 60000 / quota), running }) do
    verdict[#verdict + 1] = number
  end
  return verdict
end

if given.idempotency ~= '' then
  local known = redis.call('HMGET', P .. 'idempotency:' .. given.idempotency, 'job', 'fingerprint')
  if known[1] and known[2] == given.fingerprint then
    -- Its prompt is about to be sent once more: the reaper's patience with it begins anew.
    if redis.call('HGET', job(known[1]), 'state') == 'accepting' then
      redis.call('HSET', job(known[1]), 'accepted_ms', ms(now))
      redis.call('ZADD', P .. 'accepting', ms(now), known[1])
    end
    return with_standing({ 'again', known[1] }, level)
  end
  if known[1] then return with_standing({ 'other_payload' }, level) end
end
if given.conversation ~= '' then
  local it = redis.call('HMGET', P .. 'conversation:' .. given.conversation, 'tenant', 'lane', 'deleted')
  if it[1] ~= given.tenant or it[3] then return with_standing({ 'no_conversation' }, level) end
  if it[2] and it[2] ~= given.lane then return with_standing({ 'lane', it[2] }, level) end
end

if level < 1 then return with_standing({ 'limited', 'requests' }, level) end
if running >= jobs then return with_standing({ 'limited', 'jobs' }, level) end
level, running = level - 1, running + 1

redis.call('HSET', bucket, 'level', tostring(level), 'at', ms(now))
redis.call('PEXPIRE', bucket, 120000)
create(id, 'accepting', given, 0)
redis.call('HSET', job(id), 'accepted_ms', ms(now))
redis.call('ZADD', P .. 'accepting', ms(now), id)
if given.conversation ~= '' then
  redis.call('HSETNX', P .. 'conversation:' .. given.conversation, 'lane', given.lane)
end
return with_standing({ 'accepted', id }, level)
