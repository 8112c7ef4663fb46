-- ARGV: 2 id, 3 tenant, 4 messages, 5 place of the turn before or -1, 6 offset of the record, 7 ttl, 8 name or ''
-- needs: conversation_home
return add_items(ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8])
