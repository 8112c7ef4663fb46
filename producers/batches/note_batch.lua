-- ARGV: 2 id, 3 tenant, 4 kind, 5 event, 6 at, 7 ttl, 8 file, 9 offset of the record
-- needs: batch_home
return note_batch(ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9])
