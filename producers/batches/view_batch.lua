-- The state view reads an event of a batch. ARGV: 5 offset, 7 id, 8 tenant, 9 kind, 10 event, 11 at, 12 ttl,
-- 13 file, 14... its Idempotency-Key: name or '', fingerprint, seed, digest, ttl
-- needs: batch_home, known_again, view_step
return step(function()
  know_again(ARGV[14], ARGV[15], ARGV[16], ARGV[17], ARGV[11], ARGV[18])
  return note_batch(ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12], ARGV[13], ARGV[5])
end)
