-- Embeddings may take so many tokens in all: hold them back if they fit, or return what is too much. Asked again, nothing
-- more is taken, and nothing at all of what the log has told of before.
-- ARGV: 2 id, 3 key and tenant with their limits as MessagePack, 4 tokens, 5 key, 6 tenant, 7 ms until they return by
-- themselves, 8 partitions of the view
-- needs: budget, embedding_home
if not whole('state', ARGV[8]) then return { 'rebuilding', 0, '' } end
local id, held, now = ARGV[2], cmsgpack.unpack(ARGV[3]), now_ms()
local it = redis.call('HMGET', embedding(id), 'charged', 'received_ms')
local more = is_told(id) and 0 or tonumber(ARGV[4]) - tonumber(it[1] or 0)
local spent = P .. 'spent:' .. day_of(it[2] or now)
for _, each in ipairs(held) do
  each.token_level = each.tokens_per_minute and level_of(each.id .. ':tokens', each.tokens_per_minute, now)
  each.spent = each.tokens_per_day and tonumber(redis.call('HGET', spent, each.id) or 0)
end
for whose, each in ipairs(more > 0 and held or {}) do
  if each.spent and each.spent + more > each.tokens_per_day then return { 'day', whose, cmsgpack.pack(held) } end
  if each.token_level and each.token_level < more then return { 'tokens', whose, cmsgpack.pack(held) } end
end
if is_told(id) then return { 'held', 0, cmsgpack.pack(held) } end
if not it[2] then
  redis.call('HSET', embedding(id), 'key_id', ARGV[5], 'tenant', ARGV[6], 'received_ms', ms(now), 'by_minute', '1')
end
redis.call('PEXPIRE', embedding(id), 86400000)
redis.call('ZADD', P .. 'embeddings', ms(now + tonumber(ARGV[7])), id)
-- Brought up to now first: a full bucket would make good at once what is taken from an older level.
for _, each in ipairs(held) do
  if each.token_level then each.token_level = take(each.id .. ':tokens', each.tokens_per_minute, each.token_level, now, 0) - more end
  if each.spent then each.spent = each.spent + more end
end
charge(embedding(id), ARGV[4])
return { 'held', 0, cmsgpack.pack(held) }
