-- ARGV: 2 id, 3 tenant, 4 ids as MessagePack, 5 the jobs of their turns as MessagePack, 6 ttl
-- needs: conversation_home
return delete_items(ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6])
