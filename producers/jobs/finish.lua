-- Step 6: the ending is stored once, by the newest token only; readers still see `running`.
-- ARGV: 2 job, 3 token, 4 ending, 5... entries not shown yet: kind, value, kind, value, ...
-- needs: states
local id = ARGV[2]
local it = redis.call('HMGET', job(id), 'state', 'token', 'ending')
if it[1] == 'finishing' then return { 'finishing', it[3] } end
if TERMINAL[it[1]] then return { 'published' } end
if it[1] ~= 'running' or it[2] ~= ARGV[3] then return { 'lost' } end
for i = 5, #ARGV, 2 do say(id, ARGV[i], ARGV[i + 1]) end
local now = now_ms()
move(id, 'running', 'finishing', nil, ms(now), 'ending', ARGV[4], 'finished_ms', ms(now))
return { 'finishing' }
