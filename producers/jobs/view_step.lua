-- Put before the state view's scripts: a record is applied together with its offset, or not at all.
-- ARGV: 2 topic:partition, 3 expected position, 4 offset of the record, 5 position at which the partition is whole
local function step(apply)
  local position = tonumber(redis.call('HGET', P .. 'view:state:positions', ARGV[2]) or 0)
  if position ~= tonumber(ARGV[3]) then return { 'seek', string.format('%d', position) } end
  local result = apply()
  local after = tonumber(ARGV[4]) + 1
  redis.call('HSET', P .. 'view:state:positions', ARGV[2], string.format('%d', after))
  if after >= tonumber(ARGV[5]) then redis.call('SADD', P .. 'view:state:whole', ARGV[2]) end
  return { 'applied', result }
end
