-- Put before the scripts of a view: a record is applied together with its offset, or not at all.
-- ARGV: 2 view, 3 topic:partition, 4 expected position, 5 offset of the record, 6 position at which the partition is whole,
-- and after a colon the run of Redis for which that holds
local function step(apply)
  local positions, place = P .. 'view:' .. ARGV[2] .. ':positions', ARGV[3]
  local position = tonumber(redis.call('HGET', positions, place) or 0)
  if position ~= tonumber(ARGV[4]) then return { 'seek', string.format('%d', position) } end
  local result = apply()
  local after = tonumber(ARGV[5]) + 1
  redis.call('HSET', positions, place, string.format('%d', after))
  local mark, run = string.match(ARGV[6], '^(%d+):(%x*)$')
  local whole = P .. 'view:' .. ARGV[2] .. ':whole'
  if after >= tonumber(mark) and redis.call('GET', whole .. ':run') == run then redis.call('SADD', whole, place) end
  return { 'applied', result }
end
