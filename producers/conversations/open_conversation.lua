-- ARGV: 2 id, 3 tenant, 4 title, 5 metadata, 6 at, 7 ttl
-- needs: conversation_home
return open_conversation(ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7])
