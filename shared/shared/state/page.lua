-- Returns the members of a sorted set in a range (the arguments of ZRANGE), and what a hash holds under each of them.
--
-- KEYS: sorted set, hash
local members = redis.call('ZRANGE', KEYS[1], unpack(ARGV))
local values = {}
for first = 1, #members, 2000 do
  local last = math.min(first + 1999, #members)
  for _, value in ipairs(redis.call('HMGET', KEYS[2], unpack(members, first, last))) do
    values[#values + 1] = value
  end
end
return { members, values }
