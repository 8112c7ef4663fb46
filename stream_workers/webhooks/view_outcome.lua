-- The view of deliveries reads what an attempt came to.
-- ARGV: 7 delivery, 8 attempt, 9 what it came to, 10 when the next is due, 11 ttl
-- needs: deliveries, view_step
return step(function() return settle(ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11]) end)
