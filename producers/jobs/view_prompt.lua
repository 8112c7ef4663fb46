-- The state view reads a prompt. ARGV: 7 job, 8 conversation, 9 the job as MessagePack
return step(function()
  local id, conversation = ARGV[7], ARGV[8]
  local state = redis.call('HGET', job(id), 'state')
  if not state then
    create(id, 'queued', cmsgpack.unpack(ARGV[9]), string.format('%d', now_ms()))
  elseif state == 'accepting' then
    redis.call('HSET', job(id), 'state', 'queued')
    redis.call('SADD', queued(redis.call('HGET', job(id), 'lane')), id)
    redis.call('ZREM', P .. 'accepting', id)
  end
  if conversation ~= '' then
    local home = P .. 'conversation:' .. conversation
    redis.call('HSETNX', home, 'lane', redis.call('HGET', job(id), 'lane'))
    local traceless = state == 'failed' or state == 'aborted' or state == 'expired'
    if not traceless and redis.call('HEXISTS', home, 'deleted') == 0 and not is_replaced(conversation, id) then
      redis.call('ZADD', turns(conversation), 'NX', ARGV[5], id)
    end
  end
  return state or 'new'
end)
