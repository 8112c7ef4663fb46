-- Embeddings were given up, or (no id) the time of some is over: what is held back for them returns. How many were.
-- ARGV: 2 id, or ''
-- needs: embedding_home
local ids = { ARGV[2] }
if ARGV[2] == '' then ids = redis.call('ZRANGE', P .. 'embeddings', '-inf', ms(now_ms()), 'BYSCORE', 'LIMIT', 0, 100) end
for _, id in ipairs(ids) do give_back(id) end
return #ids
