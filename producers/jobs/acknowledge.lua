-- Step 3: the broker holds the prompt: `accepting` -> `queued`, never back from a later state. `dropped` where the reaper
-- gave the job up before: no ending of it is in the log, and whoever reads its prompt there passes over it.
-- A turn takes its place in its conversation at once: what is added after our 202 comes after it.
-- ARGV: 2 job, 3 conversation or '', 4 place in it
-- needs: conversation, states
local id = ARGV[2]
local it = redis.call('HMGET', job(id), 'state', 'published', 'lane', 'received_ms')
local state = it[1]
if state == 'aborted' and not it[2] then return 'dropped' end
if state == 'accepting' then
  move(id, 'accepting', 'queued', { lane = it[3] }, it[4])
  state = 'queued'
end
if state then redis.call('HSETNX', job(id), 'acknowledged_ms', ms(now_ms())) end
local is_open = ARGV[3] and ARGV[3] ~= '' and not is_deleted(ARGV[3])
if is_open and (state == 'queued' or state == 'running' or state == 'finishing') then
  take_place(ARGV[3], id, ARGV[4])
end
return state
