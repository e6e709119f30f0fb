-- Takes members out of a sorted set and out of the hash that holds their values, both or neither.
--
-- KEYS: sorted set, hash
-- ARGV: the members
for first = 1, #ARGV, 2000 do
  local last = math.min(first + 1999, #ARGV)
  redis.call('ZREM', KEYS[1], unpack(ARGV, first, last))
  redis.call('HDEL', KEYS[2], unpack(ARGV, first, last))
end
return 1
