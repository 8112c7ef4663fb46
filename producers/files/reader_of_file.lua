-- A batch that reads a file; empty where there is none. ARGV: 2 file
return reader_of(ARGV[2]) or ''
