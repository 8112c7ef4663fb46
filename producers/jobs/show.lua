-- Step 5: show readers the next entries, if the token is still the newest; how many readers there are. How many tokens of
-- the answer they have seen by then is kept for the next attempt, which goes on from there.
-- ARGV: 2 job, 3 token, 4 tokens shown in all, 5... kind, value, kind, value, ...
local id = ARGV[2]
local it = redis.call('HMGET', job(id), 'state', 'token', 'cancel', 'shown')
if it[1] ~= 'running' or it[2] ~= ARGV[3] then return { 'lost', 0 } end
for i = 5, #ARGV, 2 do say(id, ARGV[i], ARGV[i + 1]) end
if it[4] then
  redis.call('HSET', job(id), 'shown', ARGV[4])
else
  redis.call('HSET', job(id), 'shown', ARGV[4], 'first_token_ms', ms(now_ms()))
  redis.call('PEXPIRE', P .. 'tokens:' .. id, 86400000)
end
return { it[3] and 'cancelled' or 'kept', readers(id) }
