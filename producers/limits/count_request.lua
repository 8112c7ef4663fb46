-- Count a request that is no submit, if every bucket has room for it; else none is touched.
-- ARGV: 2 the buckets and their quotas as MessagePack
-- needs: budget
local buckets, levels, now, verdict = cmsgpack.unpack(ARGV[2]), {}, now_ms(), 'counted'
for i, each in ipairs(buckets) do
  levels[i] = level_of(each[1], each[2], now)
  if levels[i] < 1 then verdict = 'limited' end
end
for i, each in ipairs(buckets) do
  if verdict == 'counted' then levels[i] = take(each[1], each[2], levels[i], now, 1) end
end
return { verdict, cmsgpack.pack(levels) }
