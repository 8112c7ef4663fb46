-- What became of it: an answer to be told again ('200', body), nothing ('none': the key is as if unused), unknown
-- ('unknown': the next who comes makes it again, under the same id), it is still being made ('running'), or what the
-- request says is known now ('says', digest): 2 where an earlier one, whose maker died, said something else. Who has
-- nothing to tell of a request that says something else does not make the key as if unused.
-- ARGV: 2 name, 3 owner, 4 what, 5 body, 6 ms after which a silent owner is given up, 7 digest
local key = P .. 'once:' .. ARGV[2]
if redis.call('HGET', key, 'owner') ~= ARGV[3] then return 0 end
local said = redis.call('HGET', key, 'digest')
if ARGV[4] == 'none' and not said then
  redis.call('DEL', key)
elseif ARGV[4] == 'says' then
  if said and said ~= ARGV[7] then return 2 end
  redis.call('HSET', key, 'digest', ARGV[7])
elseif ARGV[4] == 'none' or ARGV[4] == 'unknown' then
  redis.call('HSET', key, 'until_ms', '0')
elseif ARGV[4] == 'running' then
  redis.call('HSET', key, 'until_ms', ms(now_ms() + tonumber(ARGV[6])))
else
  redis.call('HSET', key, 'status', ARGV[4], 'body', ARGV[5], 'digest', ARGV[7])
end
return 1
