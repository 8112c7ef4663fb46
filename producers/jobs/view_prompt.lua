-- The state view reads a prompt. ARGV: 7 job, 8 conversation, 9 the job as MessagePack
-- needs: conversation, states, view_step
return step(function()
  local id, conversation = ARGV[7], ARGV[8]
  local it = redis.call('HMGET', job(id), 'state', 'lane', 'received_ms')
  local state = it[1]
  if not state then
    create(id, 'queued', cmsgpack.unpack(ARGV[9]), string.format('%d', now_ms()))
  elseif state == 'accepting' then
    move(id, 'accepting', 'queued', { lane = it[2] }, it[3])
  end
  if conversation ~= '' then
    redis.call('HSETNX', home_of(conversation), 'lane', redis.call('HGET', job(id), 'lane'))
    -- Whatever has ended and left no text, a cancelled one too, has lost its place: its ending was read before.
    local traceless = TERMINAL[state] and redis.call('HEXISTS', texts(conversation), id) == 0
    if not traceless and not is_deleted(conversation) and not is_replaced(conversation, id) then
      take_place(conversation, id, ARGV[5])
    end
  end
  return state or 'new'
end)
