-- Whoever wrote it to the log shows it at once. ARGV: 2 what, 3 letter, 4 event, 5 offset
-- needs: letter_home
return tell_letter(ARGV[2], ARGV[3], ARGV[4], ARGV[5])
