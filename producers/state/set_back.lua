-- Set the views back: all that is made from the log goes at one moment, and with it how far the log was read into it. Nothing
-- is deleted by its name, so that whatever a later version makes goes as well; only what says nothing of the log stays.
local KEPT = {
  ['bucket:'] = true, ['again:'] = true, -- what of this minute and this day was used that the log does not tell
  ['once:'] = true, -- what was answered under an Idempotency-Key that is no job's
  ['ticket:'] = true, ['feedback:'] = true, -- no view keeps these
  ['examples:'] = true, -- what retrain has joined is in the log already: read anew, it would be said again
}
local OF_RETRAIN = P .. 'view:examples:'

local function is_kept(key)
  return KEPT[string.match(key, '^[^:]*:', #P + 1) or ''] or string.sub(key, 1, #OF_RETRAIN) == OF_RETRAIN
end

local cursor, gone = '0', 0
repeat
  local page = redis.call('SCAN', cursor, 'COUNT', 2000)
  local doomed = {}
  for _, key in ipairs(page[2]) do
    if string.sub(key, 1, #P) == P and not is_kept(key) then doomed[#doomed + 1] = key end
  end
  for first = 1, #doomed, 5000 do
    gone = gone + redis.call('UNLINK', unpack(doomed, first, math.min(first + 4999, #doomed)))
  end
  cursor = page[1]
until cursor == '0'
return gone
