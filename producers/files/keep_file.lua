-- ARGV: 2 id, 3 tenant, 4 purpose, 5 event, 6 at, 7 expires, 8 offset of the record
-- needs: file_home
return keep_file(ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8])
