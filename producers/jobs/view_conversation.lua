-- The state view reads that a conversation was created (ARGV: 6 '1', 7 id, 8 tenant, 9 title, 10 metadata, 11 at, 12 ttl)
-- or deleted (6 '0').
return step(function()
  local id, home = ARGV[7], P .. 'conversation:' .. ARGV[7]
  if ARGV[6] == '0' then return forget_conversation(id, ARGV[8], ARGV[12]) end
  return open_conversation(id, ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12])
end)
