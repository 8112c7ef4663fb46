-- A partition of a view has been read up to its mark, or has not; '' stands for the run that is, and for any position.
-- ARGV: 2 view, 3 topic:partition, 4 '1' | '0', 5 the run of Redis into which it was read, or '', 6 the position up to which, or ''
local key, run = P .. 'view:' .. ARGV[2] .. ':whole', run_id()
if ARGV[5] ~= '' and ARGV[5] ~= run then return 0 end
-- Whoever looked before the view was set back has seen what is gone.
local position = redis.call('HGET', P .. 'view:' .. ARGV[2] .. ':positions', ARGV[3])
if ARGV[4] == '1' and ARGV[6] ~= '' and tonumber(position or 0) ~= tonumber(ARGV[6]) then return 0 end
if redis.call('GET', key .. ':run') ~= run then
  redis.call('DEL', key)
  redis.call('SET', key .. ':run', run)
end
redis.call(ARGV[4] == '1' and 'SADD' or 'SREM', key, ARGV[3])
return 1
