-- The state view reads that a file was stored (ARGV: 5 offset, 7 id, 8 tenant, 9 purpose, 10 event, 11 at, 12 expires) or, with no
-- event, deleted (11 ttl). ARGV: 13... its Idempotency-Key: name or '', fingerprint, seed, digest, ttl
-- needs: file_home, known_again, view_step
return step(function()
  if ARGV[10] == '' then return forget_file(ARGV[7], ARGV[8], ARGV[11]) end
  know_again(ARGV[13], ARGV[14], ARGV[15], ARGV[16], ARGV[11], ARGV[17])
  return keep_file(ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12], ARGV[5])
end)
