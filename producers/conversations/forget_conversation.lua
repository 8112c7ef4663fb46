-- ARGV: 2 id, 3 tenant, 4 ttl
-- needs: conversation_home
return forget_conversation(ARGV[2], ARGV[3], ARGV[4])
