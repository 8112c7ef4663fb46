-- A batch that the log may soon hold is to read a file; 0 where the file is gone, or is about to be.
-- ARGV: 2 file, 3 batch, 4 for how long
-- needs: file_home, file_readers
if redis.call('HEXISTS', file_home(ARGV[2]), 'event') == 0 then return 0 end
if redis.call('EXISTS', file_home(ARGV[2]) .. ':leaving') == 1 then return 0 end
read_by(ARGV[2], ARGV[3], tonumber(ARGV[4]))
return 1
