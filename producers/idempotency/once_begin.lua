-- An Idempotency-Key of what is no job: the first who comes makes the thing, under the id that the first has named. Who
-- comes while it is made waits, unless whoever made it fell silent; who comes later is told what was answered.
-- While the log is read again, a key that is not known may be in it.
-- ARGV: 2 name, 3 fingerprint, 4 id, 5 owner, 6 ms after which a silent owner is given up, 7 ms for which all is kept,
-- 8 partitions of the view
local key, now = P .. 'once:' .. ARGV[2], now_ms()
local it = redis.call('HMGET', key, 'fingerprint', 'id', 'status', 'body', 'until_ms', 'digest')
if not it[1] and not whole('state', ARGV[8]) then return { 'rebuilding' } end
if it[1] and it[1] ~= ARGV[3] then return { 'other_payload' } end
if it[3] then return { 'answered', it[3], it[4], it[6] or '' } end
if it[1] and tonumber(it[5]) > now then return { 'running' } end
redis.call('HSETNX', key, 'id', ARGV[4])
redis.call('HSET', key, 'fingerprint', ARGV[3], 'owner', ARGV[5], 'until_ms', ms(now + tonumber(ARGV[6])))
if not it[1] then redis.call('PEXPIRE', key, ARGV[7]) end
return { 'begun', it[2] or ARGV[4] }
