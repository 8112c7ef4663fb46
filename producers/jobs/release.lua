-- A worker that stops gives its job back: the lease ends at once, and the attempt is no death of a worker. The token goes
-- on, so that whatever it still says of the job is refused, a second release as well.
-- ARGV: 2 job, 3 token
local id = ARGV[2]
local it = redis.call('HMGET', job(id), 'state', 'token')
if it[1] ~= 'running' or it[2] ~= ARGV[3] then return 'lost' end
redis.call('HSET', job(id), 'lease_ms', '0', 'token', string.format('%d', tonumber(it[2]) + 1))
redis.call('HINCRBY', job(id), 'released', 1)
redis.call('HDEL', job(id), 'claimed_by')
return 'released'
