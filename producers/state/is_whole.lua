-- ARGV: 2 view, 3 its partitions
return whole(ARGV[2], ARGV[3]) and 1 or 0
