-- Take the lease of a batch or keep it, and note how far its holder has come; 0 where somebody else holds it.
-- ARGV: 2 id, 3 holder, 4 lease ms, then names and values of the progress
-- needs: batch_home
local home = batch_home(ARGV[2])
local holder = redis.call('GET', home .. ':lease')
if holder and holder ~= ARGV[3] then return 0 end
if redis.call('HEXISTS', home, 'ended') == 1 then return 0 end
redis.call('SET', home .. ':lease', ARGV[3], 'PX', ARGV[4])
if #ARGV > 4 then
  redis.call('HSET', home .. ':progress', unpack(ARGV, 5))
  redis.call('PEXPIRE', home .. ':progress', redis.call('PTTL', home))
end
return 1
