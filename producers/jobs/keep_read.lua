-- Somebody reads these jobs at a gateway: those that are given up without a reader are not, for so long.
-- ARGV: 2 ms, 3... jobs
local until_ms = ms(now_ms() + tonumber(ARGV[2]))
for i = 3, #ARGV do redis.call('ZADD', P .. 'readers', 'XX', 'GT', until_ms, ARGV[i]) end
return #ARGV - 2
