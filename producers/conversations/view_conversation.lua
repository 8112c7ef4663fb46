-- The state view reads that a conversation was created (ARGV: 7 '1', 8 id, 9 tenant, 10 title, 11 metadata, 12 at, 13 ttl),
-- updated (7 '2'; what is '' stays as it was) or deleted (7 '0'); that items were added (7 '3', 10 messages, 11 the place
-- of the turn before, 12 the addition's name) or deleted (7 '4', 10 their ids, 11 the jobs of
-- their turns).
-- needs: conversation_home, view_step
return step(function()
  if ARGV[7] == '0' then return forget_conversation(ARGV[8], ARGV[9], ARGV[13]) end
  if ARGV[7] == '2' then return update_conversation(ARGV[8], ARGV[10], ARGV[11], ARGV[5]) end
  if ARGV[7] == '3' then return add_items(ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[5], ARGV[13], ARGV[12]) end
  if ARGV[7] == '4' then return delete_items(ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[13]) end
  return open_conversation(ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12], ARGV[13])
end)
