-- Embeddings that were paid for are made again: of the minute of a key and its tenant they take so many tokens once more.
-- Of a day nothing is charged, but no more is made again in it than it may take.
-- ARGV: 2 key and tenant with their limits as MessagePack, 3 tokens; less than 0: so many return
-- needs: budget
local held, tokens, now = cmsgpack.unpack(ARGV[2]), tonumber(ARGV[3]), now_ms()
local again = P .. 'again:' .. day_of(now)
for _, each in ipairs(held) do
  each.token_level = each.tokens_per_minute and level_of(each.id .. ':tokens', each.tokens_per_minute, now)
  each.spent = each.tokens_per_day and tonumber(redis.call('HGET', again, each.id) or 0)
end
for whose, each in ipairs(held) do
  if each.spent and each.spent + tokens > each.tokens_per_day then return { 'day', whose, cmsgpack.pack(held) } end
  if each.token_level and each.token_level < tokens then return { 'tokens', whose, cmsgpack.pack(held) } end
end
for _, each in ipairs(held) do
  if each.token_level then
    each.token_level = take(each.id .. ':tokens', each.tokens_per_minute, each.token_level, now, tokens)
  end
  if each.spent then
    redis.call('HINCRBY', again, each.id, tokens)
    redis.call('PEXPIRE', again, 86400000)
  end
end
return { 'held', 0, cmsgpack.pack(held) }
