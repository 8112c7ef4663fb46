-- Put before the scripts of a view: a record is applied together with its offset, or not at all.
-- ARGV: 2 view, 3 topic:partition, 4 expected position, 5 offset of the record, 6 position at which the partition is whole
local function step(apply)
  local positions, place = P .. 'view:' .. ARGV[2] .. ':positions', ARGV[3]
  local position = tonumber(redis.call('HGET', positions, place) or 0)
  if position ~= tonumber(ARGV[4]) then return { 'seek', string.format('%d', position) } end
  local result = apply()
  local after = tonumber(ARGV[5]) + 1
  redis.call('HSET', positions, place, string.format('%d', after))
  if after >= tonumber(ARGV[6]) then redis.call('SADD', P .. 'view:' .. ARGV[2] .. ':whole', place) end
  return { 'applied', result }
end
