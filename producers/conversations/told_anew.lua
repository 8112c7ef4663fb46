-- The log holds the creation of a conversation anew, unless it is gone. ARGV: 2 id
local home = P .. 'conversation:' .. ARGV[2]
redis.call('SREM', P .. 'untold', ARGV[2])
if redis.call('HEXISTS', home, 'created_ms') == 1 then redis.call('HSET', home, 'told_ms', ms(now_ms())) end
return 'told'
