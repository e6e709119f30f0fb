-- Stores the change of one shard if its fence still is what the writer saw; returns 1 when done, 0 when fenced.
--
-- The first commands of a commit may stay without the others: Redis takes nothing back after an error, and where its
-- append-only file was cut inside a commit, the next restart but one brings that commit's beginning back. So the order
-- matters: announcements first, the head with the next offset last.
-- Values are absolute: doing all of it after some of it gives the same.
-- Numbers pass through as the text they came as, for a Lua number holds no integer above 2^53.
--
-- KEYS: head, queue, outbox, items, by_key, due, quarantine, identities
-- ARGV: the fence seen ('' for none), the new fence, the new head, then nine sections, each led by its length.
local head, queue, outbox, items, by_key, due, quarantine, identities = unpack(KEYS)
if (redis.call('HGET', head, 'fence') or '') ~= ARGV[1] then
  return 0
end

-- Lua's stack holds some 8,000 arguments of one call. Even, so that pairs stay together.
local MOST = 2000
local ends = 3

local function section()
  local first = ends + 2
  ends = ends + 1 + tonumber(ARGV[ends + 1])
  return first, ends
end

local function in_slices(first, last, call)
  for start = first, last, MOST do
    call(start, math.min(start + MOST - 1, last))
  end
end

local function each_slice(command, key)
  local first, last = section()
  in_slices(first, last, function(from, to)
    redis.call(command, key, unpack(ARGV, from, to))
  end)
end

each_slice('HSET', outbox) -- id, message; before the id is in the queue, for whoever reads that reads its message

-- Messages: position, id. One that waits already keeps its place.
local first, last = section()
in_slices(first, last, function(from, to)
  redis.call('ZADD', queue, 'NX', unpack(ARGV, from, to))
end)

-- Identities dropped. Before the items that held them: an item that is still there is dropped again.
each_slice('SREM', identities)

-- Items kept: key, value. Here listed first: an item that was stored and is found unchanged is not stored again.
first, last = section()
in_slices(first, last, function(from, to)
  local members = {}
  for at = from, to, 2 do
    members[#members + 1] = 0
    members[#members + 1] = ARGV[at]
  end
  redis.call('ZADD', by_key, unpack(members))
  redis.call('HSET', items, unpack(ARGV, from, to))
end)

-- Items dropped: key.
first, last = section()
in_slices(first, last, function(from, to)
  redis.call('HDEL', items, unpack(ARGV, from, to))
  redis.call('ZREM', by_key, unpack(ARGV, from, to))
end)

each_slice('ZADD', due) -- second, key
each_slice('ZREM', due) -- key

-- Identities kept. After the items that hold them: one without its item would make a conflict of that item's own event.
-- And after the seconds: an item whose identities are missing was cut short, perhaps before its second, and is judged
-- again with the records that are read again (`IdentityLedger.insert`).
each_slice('SADD', identities)

-- Quarantined records: offset, body. An offset has one.
first, last = section()
for at = first, last, 2 do
  redis.call('ZREMRANGEBYSCORE', quarantine, ARGV[at], ARGV[at])
  redis.call('ZADD', quarantine, ARGV[at], ARGV[at + 1])
end

redis.call('HSET', head, 'head', ARGV[3], 'fence', ARGV[2])
return 1
