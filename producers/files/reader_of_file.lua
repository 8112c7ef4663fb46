-- A batch that reads a file; empty where there is none. ARGV: 2 file
-- needs: file_readers
return reader_of(ARGV[2]) or ''
