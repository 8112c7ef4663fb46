-- ARGV: 2 id, 3 title or '', 4 metadata or '', 5 offset of the record
-- needs: conversation_home
return update_conversation(ARGV[2], ARGV[3], ARGV[4], ARGV[5])
