-- The deletion of a file is about to be in the log, so no batch may begin to read it; the batch that reads it already,
-- if there is one: then the file stays. ARGV: 2 file, 3 for how long
-- needs: file_home, file_readers
local reader = reader_of(ARGV[2])
if reader then return reader end
redis.call('SET', file_home(ARGV[2]) .. ':leaving', '1', 'PX', ARGV[3])
return ''
