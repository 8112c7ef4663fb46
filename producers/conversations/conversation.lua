-- Put before every script that knows conversations: what a turn is, which is the last, and what stands before it is decided
-- here alone. Beside its home a conversation has
--   turns       its jobs, by the places of their prompts
--   added       what was added, half a place behind the turn it follows, and among its like in the log's order
--   texts       what each of them left; '' of a turn that was replaced; under `name:…` the record that an addition is of
--   gaps        by turn, how many bytes were added between it and the turn before
--   instructed  those that hold instructions, by their places
--   gone        items that were deleted, and their turns' jobs: a turn that is read later does not bring them back
-- The home bears the `newest` turn, the bytes added `since`, and the `bytes` of all texts. They are the same in whatever
-- order the log is read, and nobody has to walk a conversation to know them.
local function home_of(id) return P .. 'conversation:' .. id end
local function turns(id) return home_of(id) .. ':turns' end
local function additions(id) return home_of(id) .. ':added' end
local function texts(id) return home_of(id) .. ':texts' end
local function gaps(id) return home_of(id) .. ':gaps' end
local function instructed(id) return home_of(id) .. ':instructed' end
local function gone(id) return home_of(id) .. ':gone' end

local function is_deleted(id) return redis.call('HEXISTS', home_of(id), 'deleted') == 1 end
local function is_addition(name) return string.sub(name, 1, 6) == 'added:' end
local function place_of(id, name) return redis.call('ZSCORE', is_addition(name) and additions(id) or turns(id), name) end

local function added_bytes(id, from, to)
  local sum = 0
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', additions(id), from, to)) do
    sum = sum + redis.call('HSTRLEN', texts(id), name)
  end
  return sum
end

-- A text of ours names the role first, and in what was said quotes are escaped.
local function note_instructions(id, name, text)
  local place = string.find(text, '"role":"system"', 1, true) and place_of(id, name)
  if place then redis.call('ZADD', instructed(id), place, name) else redis.call('ZREM', instructed(id), name) end
end

-- An older version had additions among the turns, and counted nothing.
local function put_in_order(id)
  local every, bytes, before = redis.call('ZRANGE', turns(id), 0, -1, 'WITHSCORES'), 0, '-inf'
  for at = 1, #every, 2 do
    if is_addition(every[at]) then
      redis.call('ZREM', turns(id), every[at])
      redis.call('ZADD', additions(id), every[at + 1], every[at])
    end
  end
  redis.call('DEL', gaps(id))
  redis.call('HSET', home_of(id), 'newest', '')
  for at = 1, #every, 2 do
    if not is_addition(every[at]) then
      local gap = added_bytes(id, before, every[at + 1])
      if gap > 0 then redis.call('HSET', gaps(id), every[at], gap) end
      redis.call('HSET', home_of(id), 'newest', every[at])
      before = every[at + 1]
    end
  end
  for _, name in ipairs(redis.call('HKEYS', texts(id))) do
    if string.sub(name, 1, 5) ~= 'name:' then
      local text = redis.call('HGET', texts(id), name)
      bytes = bytes + #text
      note_instructions(id, name, text)
    end
  end
  redis.call('HSET', home_of(id), 'bytes', bytes, 'since', added_bytes(id, before, '+inf'))
  local left_ms = redis.call('PTTL', turns(id))
  if left_ms > 0 then
    for _, key in ipairs({ additions(id), gaps(id), instructed(id) }) do redis.call('PEXPIRE', key, left_ms) end
  end
end

local function in_order(id)
  if redis.call('HEXISTS', home_of(id), 'bytes') == 0 then put_in_order(id) end
end

-- The last turn up to a place; a gateway of an older version may just have put an addition among them.
local function turn_before(id, place)
  local found = redis.call('ZREVRANGEBYSCORE', turns(id), place, '-inf', 'LIMIT', 0, 1)[1]
  if not found or not is_addition(found) then return found end
  put_in_order(id)
  return turn_before(id, place)
end

local function turn_after(id, place) return redis.call('ZRANGEBYSCORE', turns(id), '(' .. place, '+inf', 'LIMIT', 0, 1)[1] end

-- More bytes stand right before a turn, or behind the last one (nil).
local function widen(id, turn, bytes)
  if bytes == 0 then return end
  if turn then redis.call('HINCRBY', gaps(id), turn, bytes) else redis.call('HINCRBY', home_of(id), 'since', bytes) end
end

local function note_newest(id) redis.call('HSET', home_of(id), 'newest', turn_before(id, '+inf') or '') end

-- A turn that failed, or left nothing, stands nowhere.
local function lose_place(id, turn)
  local place = redis.call('ZSCORE', turns(id), turn)
  if not place then return end
  in_order(id)
  widen(id, turn_after(id, place), tonumber(redis.call('HGET', gaps(id), turn) or 0))
  redis.call('ZREM', turns(id), turn)
  redis.call('ZREM', instructed(id), turn)
  redis.call('HDEL', gaps(id), turn)
  note_newest(id)
end

-- Of a prompt that the log holds twice the first place counts.
local function take_place(id, turn, place)
  in_order(id)
  local was = redis.call('ZSCORE', turns(id), turn)
  if was and tonumber(was) <= tonumber(place) then return end
  lose_place(id, turn)
  local before, after = turn_before(id, '(' .. place), turn_after(id, place)
  local gap = tonumber(redis.call('HGET', after and gaps(id) or home_of(id), after or 'since') or 0)
  if gap > 0 and redis.call('ZCOUNT', additions(id), place, after and place_of(id, after) or '+inf') > 0 then
    gap = added_bytes(id, before and place_of(id, before) or '-inf', place)
  end
  widen(id, after, -gap)
  widen(id, turn, gap)
  redis.call('ZADD', turns(id), place, turn)
  local text = redis.call('HGET', texts(id), turn)
  if text then note_instructions(id, turn, text) end
  note_newest(id)
end

local function keep_text(id, name, text)
  redis.call('HINCRBY', home_of(id), 'bytes', #text - redis.call('HSTRLEN', texts(id), name))
  redis.call('HSET', texts(id), name, text)
  note_instructions(id, name, text)
end

-- A turn that another one has taken the place of: its text is empty from then on, so that neither its prompt nor its ending
-- brings it back, in whatever order the log is read.
local function is_replaced(id, turn) return redis.call('HGET', texts(id), turn) == '' end

local function replace_turn(id, turn)
  lose_place(id, turn)
  keep_text(id, turn, '')
end

-- A conversation lives on with each use, the record of its creation does not: a day after that was told last, `fanout` is
-- asked to tell of it anew.
local function outlive(id)
  local it = redis.call('HMGET', home_of(id), 'created_ms', 'told_ms', 'deleted')
  if it[1] and not it[3] and now_ms() - tonumber(it[2] or it[1]) > 86400000 then redis.call('SADD', P .. 'untold', id) end
end

local function keep_conversation(id, tenant, ttl_ms)
  for _, key in ipairs({ home_of(id), turns(id), additions(id), texts(id), gaps(id), instructed(id), gone(id),
    P .. 'conversations:' .. tenant }) do
    redis.call('PEXPIRE', key, ttl_ms)
  end
  outlive(id)
end

-- A turn has ended, and left this text or ('') nothing.
local function leave_turn(id, turn, text, replaces, tenant, ttl_ms)
  if text == '' or is_deleted(id) then return lose_place(id, turn) end
  in_order(id)
  if not is_replaced(id, turn) then keep_text(id, turn, text) end
  if replaces and replaces ~= '' then replace_turn(id, replaces) end
  keep_conversation(id, tenant, ttl_ms)
end

local function put_addition(id, name, after, text)
  in_order(id)
  if redis.call('HEXISTS', texts(id), name) == 1 then return end
  redis.call('ZADD', additions(id), tonumber(after) + 0.5, name)
  keep_text(id, name, text)
  widen(id, turn_after(id, tonumber(after) + 0.5), #text)
end

local function take_away_addition(id, name)
  in_order(id)
  local place = place_of(id, name)
  if not place then return end
  widen(id, turn_after(id, place), -redis.call('HSTRLEN', texts(id), name))
  keep_text(id, name, '')
  redis.call('HDEL', texts(id), name)
  redis.call('ZREM', additions(id), name)
end
