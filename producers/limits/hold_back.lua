-- A running job may take so many tokens in all, more than were held back when it was accepted: hold back the rest, if the
-- limits it was accepted under leave room for it. A minute without room is taken into debt, so that no later prompt takes
-- what fills up; the job waits until it is made good, a minute at most. Asked again, nothing more is taken.
-- ARGV: 2 job, 3 tokens in all
-- needs: budget
local id, tokens, now = ARGV[2], tonumber(ARGV[3]), now_ms()
local it = redis.call('HMGET', job(id), 'state', 'charged', 'limits', 'received_ms', 'by_minute', 'owes')
local more = tokens - tonumber(it[2] or 0)
if it[1] ~= 'running' then return { 'held' } end
if more <= 0 then
  local whose, until_ms = string.match(it[6] or '1:0', '^(%d):(.+)$')
  if tonumber(until_ms) > now then return { 'tokens', tonumber(whose), ms(tonumber(until_ms) - now) } end
  return { 'held' }
end
local held = it[3] and cmsgpack.unpack(it[3]) or {}
local spent = P .. 'spent:' .. day_of(it[4])
for whose, each in ipairs(held) do
  local today = each.tokens_per_day and tonumber(redis.call('HGET', spent, each.id) or 0)
  if today and today + more > each.tokens_per_day then return { 'day', whose } end
end
local slower, wait_ms = 1, 0
for whose, each in ipairs(held) do
  local quota = it[5] and each.tokens_per_minute
  each.level = quota and level_of(each.id .. ':tokens', quota, now)
  if quota and math.max(more, more - each.level) > quota then return { 'never', whose } end
  local lacks_ms = quota and (more - each.level) * 60000 / quota or 0
  if lacks_ms > wait_ms then slower, wait_ms = whose, lacks_ms end
end
-- Brought up to now first: a full bucket would make good at once what is taken from an older level.
for _, each in ipairs(held) do
  if each.level then take(each.id .. ':tokens', each.tokens_per_minute, each.level, now, 0) end
end
charge(job(id), tokens)
if wait_ms == 0 then return { 'held' } end
redis.call('HSET', job(id), 'owes', slower .. ':' .. ms(now + wait_ms))
return { 'tokens', slower, ms(wait_ms) }
