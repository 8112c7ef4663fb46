-- Count a request that is no submit against its key's budget, if there is room.
-- ARGV: 2 bucket, 3 requests a minute
local bucket, quota, now = ARGV[2], tonumber(ARGV[3]), now_ms()
local level = level_of(bucket, quota, now)
if level < 1 then return with_budget({ 'limited' }, quota, level) end
return with_budget({ 'counted' }, quota, take_one(bucket, level, now))
