-- Keep what an example needs of an answer; the first ending of a job by offset counts, and an empty one makes no example.
-- ARGV: 2 job, 3 offset, 4 answer or '', 5 ttl. Returns the feedback that waits for it.
local key, waiting = P .. 'examples:' .. ARGV[2], {}
local first = redis.call('HGET', key, 'offset')
if first and tonumber(first) < tonumber(ARGV[3]) then return waiting end
redis.call('HSET', key, 'offset', ARGV[3], 'answer', ARGV[4])
redis.call('PEXPIRE', key, ARGV[5])
if ARGV[4] == '' then return waiting end
local kept = redis.call('HGETALL', key)
for i = 1, #kept, 2 do
  if string.sub(kept[i], 1, 9) == 'feedback:' then waiting[#waiting + 1] = kept[i + 1] end
end
return waiting
