-- ARGV: 2 id, 3 tenant, 4 ttl
return forget_conversation(ARGV[2], ARGV[3], ARGV[4])
