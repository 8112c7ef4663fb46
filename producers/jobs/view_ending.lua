-- The state view reads an ending.
-- ARGV: 7 job, 8 status, 9 partition, 10 ending, 11 turn, 12 ttl of the token stream, 13 key in the answer cache or '',
-- 14 its ttl, 15 the job as MessagePack
-- needs: conversation, settle_job, view_step
local function is_forgotten(id)
  local it = redis.call('HMGET', job(id), 'forgotten', 'conversation')
  if it[1] or not it[2] then return it[1] end
  return is_deleted(it[2]) or redis.call('SISMEMBER', gone(it[2]), id) == 1
end

return step(function()
  local result = settle(ARGV[7], ARGV[8], ARGV[9], ARGV[5], ARGV[10], ARGV[11], ARGV[12], ARGV[15])
  if ARGV[13] ~= '' and result ~= 'duplicate' and not is_forgotten(ARGV[7]) then
    redis.call('SET', P .. ARGV[13], ARGV[10], 'PX', ARGV[14])
    redis.call('HSET', job(ARGV[7]), 'cached', ARGV[13])
  end
  return result
end)
