-- The state view reads that texts were embedded: charged once, however often the log tells of it. What was on another day
-- counts against no limit any more, unless it is held back still.
-- ARGV: 7 id, 8 key, 9 tenant, 10 tokens, 11 when
-- needs: embedding_home, view_step
return step(function()
  local home, is_held = embedding(ARGV[7]), redis.call('EXISTS', embedding(ARGV[7])) == 1
  if is_told(ARGV[7]) or not is_held and day_of(ARGV[11]) ~= day_of(now_ms()) then return 'passed' end
  if not is_held then redis.call('HSET', home, 'key_id', ARGV[8], 'tenant', ARGV[9], 'received_ms', ARGV[11]) end
  charge(home, ARGV[10])
  redis.call('HSET', home, 'told', '1')
  redis.call('ZREM', P .. 'embeddings', ARGV[7])
  -- A batch whose gateway died tells of its line again within minutes.
  redis.call('PEXPIRE', home, 3600000)
  return 'charged'
end)
