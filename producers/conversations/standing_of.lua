-- Put before the script that accepts a turn: how its conversation stands, from the home alone.
-- needs: conversation
local MOST_READ = 1500000 -- more of it no model is shown

local function standing_of(id, tenant)
  local fields = { 'tenant', 'lane', 'deleted', 'newest', 'since', 'bytes' }
  local it = redis.call('HMGET', home_of(id), unpack(fields))
  if it[1] ~= tenant or it[3] then return nil end
  if not it[6] then
    put_in_order(id)
    it = redis.call('HMGET', home_of(id), unpack(fields))
  end
  return { id = id, lane = it[2], newest = it[4], since = tonumber(it[5]), bytes = tonumber(it[6]) }
end

-- Whether the turn is the last one and left something, or what came behind it is to replace it as well, and has not: of
-- several that were let in the first in the log will.
local function may_be_replaced(talk, turn)
  if redis.call('HSTRLEN', texts(talk.id), turn) == 0 or talk.since > 0 then return false end
  if talk.newest == turn then return true end
  local it = redis.call('HMGET', job(talk.newest), 'replaces', 'published')
  return it[1] == turn and not it[2]
end

-- About what the model reads before this turn: what the newest turn took, or may take, with all before it; of what was
-- added since a token for every three bytes, and so of all where nobody knows what that turn took.
local function history_tokens(talk, replaced)
  local newest, since = talk.newest, talk.since
  if replaced ~= '' and newest == replaced then
    since = tonumber(redis.call('HGET', gaps(talk.id), newest) or 0)
    newest = turn_before(talk.id, '(' .. place_of(talk.id, newest)) or ''
  end
  local charged = newest ~= '' and tonumber(redis.call('HGET', job(newest), 'charged') or 0) or 0
  return charged + math.ceil(math.min(charged > 0 and since or talk.bytes, MOST_READ) / 3)
end
