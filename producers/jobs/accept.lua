-- Step 1: idempotency key -> job id, limits reserved, job `accepting`.
-- Every verdict ends with how the key and its tenant stand. Whatever is not refused for now is counted as a request; `lane`
-- is asked again at once, and counted then. A limit that is not set is nil, and nothing is looked up for it.
-- ARGV: 2 job, 3 partitions of the view, 4 key and tenant with their limits as MessagePack, 5 the job as MessagePack,
-- 6 ms after which it is given up unless somebody reads it, or 0, 7 the key of its answer in the cache, or '',
-- 8 '1' where that answer is told at once, and so is visible before the log has heard of it,
-- 9 '1' where nothing but that answer is wanted, 10 '' all at once; or 'ask' first whether anything speaks against it, which
-- counts the request and makes no job, and accept it as 'asked' before, 11 most bytes that a conversation may keep,
-- 12 the longest wait in the lane in ms, or 0
-- needs: budget, pace, standing_of, states
local id, given, held = ARGV[2], cmsgpack.unpack(ARGV[5]), cmsgpack.unpack(ARGV[4])
local now, tokens, spent = now_ms(), tonumber(given.tokens), P .. 'spent:' .. day_of(given.received_ms)
for _, it in ipairs(held) do
  it.request_level = it.requests_per_minute and level_of(it.id, it.requests_per_minute, now)
  it.token_level = it.tokens_per_minute and level_of(it.id .. ':tokens', it.tokens_per_minute, now)
  it.in_flight = it.jobs_in_flight and redis.call('SCARD', P .. 'inflight:' .. it.id)
  it.waiting = it.queued_jobs and redis.call('SCARD', P .. 'waiting:' .. it.id)
  it.spent = it.tokens_per_day and tonumber(redis.call('HGET', spent, it.id) or 0)
end

local function with_standing(verdict)
  verdict[#verdict + 1] = cmsgpack.pack(held)
  return verdict
end

local function counted(verdict)
  if ARGV[10] == 'asked' then return with_standing(verdict) end
  for _, it in ipairs(held) do
    if it.request_level then it.request_level = take(it.id, it.requests_per_minute, it.request_level, now, 1) end
  end
  return with_standing(verdict)
end

-- The limit that forbids the job, and whose it is (1 the key's, 2 its tenant's).
local function over()
  for whose, it in ipairs(held) do
    if it.spent and it.spent + tokens > it.tokens_per_day then return 'day', whose end
    if it.in_flight and it.in_flight >= it.jobs_in_flight then return 'jobs', whose end
    if it.waiting and it.waiting >= it.queued_jobs then return 'queued', whose end
    if it.token_level and it.token_level < tokens then return 'tokens', whose end
  end
end

-- Why nobody would answer it in time, with the wait; a batch takes what is left over, however long that takes.
local function too_busy()
  local most, deadline = tonumber(ARGV[12]), given.lane ~= 'batch' and tonumber(given.deadline_ms)
  if most == 0 and not deadline then return end
  local wait, least = wait_in(given.lane, now)
  if wait and most > 0 and wait > most then return 'overloaded', wait - most end
  if wait and deadline and now + least > deadline then return 'too_late', wait end
end

if not whole('state', ARGV[3]) then return with_standing({ 'rebuilding' }) end
for whose, it in ipairs(held) do
  local spent = it.request_level and it.request_level < 1
  if spent and ARGV[10] ~= 'asked' then return with_standing({ 'limited', 'requests', whose, tokens }) end
end
-- The answer from the cache that it has ended with cannot be read.
local is_anew = ARGV[7] == '' and redis.call('HEXISTS', job(id), 'hit') == 1
if given.idempotency ~= '' and not is_anew then
  local known = redis.call('HMGET', P .. 'idempotency:' .. given.idempotency, 'job', 'fingerprint')
  if known[1] and known[2] == given.fingerprint then
    return counted({ 'again', known[1] })
  end
  if known[1] then return counted({ 'other_payload' }) end
end
if given.conversation ~= '' then
  local talk = standing_of(given.conversation, given.tenant)
  if not talk then return counted({ 'no_conversation' }) end
  if talk.lane and talk.lane ~= given.lane and ARGV[10] ~= 'ask' then return with_standing({ 'lane', talk.lane }) end
  if given.replaces ~= '' and not may_be_replaced(talk, given.replaces) then return counted({ 'not_last' }) end
  if talk.bytes + #given.prompt > tonumber(ARGV[11]) then return counted({ 'full' }) end
  tokens = tokens + history_tokens(talk, given.replaces)
end
local by, whose = over()
if by then return with_standing({ 'limited', by, whose, tokens }) end
local earlier = ARGV[7] ~= '' and redis.call('GET', P .. 'cache:' .. ARGV[7])
if ARGV[9] == '1' and not earlier then return counted({ 'not_cached' }) end
local busy, for_ms
if not earlier then busy, for_ms = too_busy() end
if busy then return with_standing({ busy, ms(for_ms) }) end
if ARGV[10] == 'ask' then return counted({ 'may_enter' }) end
given.tokens = string.format('%d', tokens)

-- It has ended, and nothing else can end it: no prompt of it is sent.
if earlier then
  create(id, ARGV[8] == '1' and 'completed' or 'finishing', given, 0)
  redis.call('HSET', job(id), 'accepted_ms', ms(now), 'finished_ms', ms(now), 'hit', earlier)
  join(id, 'finishing', given, ms(now))
  return counted({ 'accepted', id, earlier })
end
create(id, 'accepting', given, 0)
redis.call('HSET', job(id), 'accepted_ms', ms(now), 'by_minute', '1')
if is_anew then
  redis.call('HDEL', job(id), 'hit', 'finished_ms')
  leave(id, 'finishing')
end
for _, it in ipairs(held) do
  -- Its worker knows how long the prompt is, and holds back under the same limits what was not foreseen.
  if it.token_level or it.spent then redis.call('HSET', job(id), 'limits', ARGV[4]) end
  if it.token_level then it.token_level = take(it.id .. ':tokens', it.tokens_per_minute, it.token_level, now, tokens) end
  if it.in_flight then it.in_flight = it.in_flight + 1 end
  if it.waiting then it.waiting = it.waiting + 1 end
  if it.spent then it.spent = it.spent + tokens end
end
if ARGV[6] ~= '0' then join(id, 'readers', given, ms(now + tonumber(ARGV[6]))) end
if given.conversation ~= '' then
  redis.call('HSETNX', P .. 'conversation:' .. given.conversation, 'lane', given.lane)
end
return counted({ 'accepted', id, false })
