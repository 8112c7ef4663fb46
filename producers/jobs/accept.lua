-- Step 1: idempotency key -> job id, limits reserved, job `accepting`.
-- ARGV: 2 job, 3 partitions of the view, 4 requests a minute, 5 jobs in flight, 6... the job's pairs
local id, given = ARGV[2], pairs_from(6)
if not whole(ARGV[3]) then return { 'rebuilding' } end
if given.idempotency ~= '' then
  local known = redis.call('HMGET', P .. 'idempotency:' .. given.idempotency, 'job', 'fingerprint')
  if known[1] and known[2] == given.fingerprint then return { 'again', known[1] } end
  if known[1] then return { 'other_payload', known[1] } end
end
if given.conversation ~= '' then
  local it = redis.call('HMGET', P .. 'conversation:' .. given.conversation, 'tenant', 'lane', 'deleted')
  if it[1] ~= given.tenant or it[3] then return { 'no_conversation' } end
  if it[2] and it[2] ~= given.lane then return { 'lane', it[2] } end
end

-- A bucket that holds a minute's requests and fills evenly.
local now, quota, jobs = now_ms(), tonumber(ARGV[4]), tonumber(ARGV[5])
local bucket, inflight = P .. 'bucket:' .. given.key_id, P .. 'inflight:' .. given.key_id
local was = redis.call('HMGET', bucket, 'level', 'at')
local level = quota
if was[1] then level = math.min(quota, tonumber(was[1]) + math.max(0, now - tonumber(was[2])) * quota / 60000) end
local running = redis.call('SCARD', inflight)
local refused = (level < 1 and 'requests') or (running >= jobs and 'jobs') or nil
if not refused then level = level - 1 end
local left, full_ms, next_ms = math.floor(level), (quota - level) * 60000 / quota, math.max(0, 1 - level) * 60000 / quota
if refused then return { 'limited', refused, left, ms(full_ms), ms(next_ms), running } end

redis.call('HSET', bucket, 'level', tostring(level), 'at', ms(now))
redis.call('PEXPIRE', bucket, 120000)
create(id, 'accepting', 6, 0)
redis.call('HSET', job(id), 'accepted_ms', ms(now))
redis.call('ZADD', P .. 'accepting', ms(now), id)
if given.conversation ~= '' then
  redis.call('HSETNX', P .. 'conversation:' .. given.conversation, 'lane', given.lane)
end
return { 'accepted', id, left, ms(full_ms), ms(next_ms), running + 1 }
