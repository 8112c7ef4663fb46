-- ARGV: 2 id, 3 tenant, 4 ttl
-- needs: file_home
return forget_file(ARGV[2], ARGV[3], ARGV[4])
