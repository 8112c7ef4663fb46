-- Let go of a batch that is held: another may take it at once. ARGV: 2 id, 3 holder
-- needs: batch_home
local lease = batch_home(ARGV[2]) .. ':lease'
if redis.call('GET', lease) == ARGV[3] then redis.call('DEL', lease) end
return 1
