-- The state view reads what is said of a dead letter.
-- ARGV: 5 offset, 7 what, 8 letter, 9 event; of a burial also 10 at, 11 ttl, 12 reason, 13 job, 14 tenant, 15 model (each of the
-- last three may be '')
-- needs: letter_home, view_step
return step(function()
  return tell_letter(ARGV[7], ARGV[8], ARGV[9], ARGV[5], ARGV[10], ARGV[11], ARGV[12], ARGV[13], ARGV[14], ARGV[15])
end)
