-- Put before the scripts that count what embeddings take: what is held back under their id, until the log tells of them,
-- they are given up, or their time is over because their gateway died.
local function embedding(id) return P .. 'embedding:' .. id end

local function is_told(id) return redis.call('HEXISTS', embedding(id), 'told') == 1 end

-- Kept for a while still: what the log tells late is charged to whom it was held back from.
local function give_back(id)
  redis.call('ZREM', P .. 'embeddings', id)
  if not is_told(id) then charge(embedding(id), '0') end
end
