-- Keep a feedback with the job it judges, and with the other one it speaks of; the same author and kind replaces.
-- ARGV: 2 job, 3 author and kind, 4 feedback, 5 the other job or '', 6 ttl. Returns the feedback.
local field = 'feedback:' .. ARGV[2] .. ':' .. ARGV[3]
for _, id in ipairs({ ARGV[2], ARGV[5] }) do
  if id ~= '' then
    redis.call('HSET', P .. 'examples:' .. id, field, ARGV[4])
    redis.call('PEXPIRE', P .. 'examples:' .. id, ARGV[6])
  end
end
return { ARGV[4] }
