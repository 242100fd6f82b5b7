import { formatName, tokenBytes } from './entry-format.js';

/**
 * Each script is sent with its text. Redis caches the compiled script, and no script has to be loaded after a restart
 * of the server. All keys of a script are in one slot of a cluster, also those of the tags, whose names are in values.
 *
 * A purge by prefix has a number, and an entry has the number of the last purge before it was stored. `generations` is
 * a sorted set with the number of the last purge, and of the last purge by a prefix of each length. `purges` contains
 * the number of each prefix. That of the empty prefix is always there: the least number with which an entry is valid.
 * When one of the two is evicted or expires, no entry is valid, so that every entry can be purged.
 */

/**
 * Returns an entry if its tags still have the tokens with which it was stored, and no prefix of its key was purged
 * since. A purge of a tag removes its token. A valid entry receives the number of the last purge.
 * KEYS: the entry, generations, purges. ARGV: the prefix of tags, the prefix of entries.
 */
export const getEntry = `local value = redis.pcall('GET', KEYS[1])
if type(value) ~= 'string' or string.sub(value, 1, 4) ~= '${formatName}' then return false end
local read, valid = pcall(function()
  local last = tonumber(redis.call('ZSCORE', KEYS[2], 'last'))
  local least = tonumber(redis.call('ZSCORE', KEYS[3], ''))
  local stored, count, at = struct.unpack('>dI2', value, 5)
  if not last or not least or stored > last or stored < least then return false end
  for _ = 1, count do
    local token, tag
    token, tag, at = struct.unpack('>c${tokenBytes}I2c0', value, at)
    if redis.call('GET', ARGV[1] .. tag) ~= token then return false end
  end
  if stored == last then return true end
  local key = string.sub(KEYS[1], #ARGV[2] + 1)
  for _, length in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], string.format('(%.0f', stored), '+inf')) do
    local purge = tonumber(length) and redis.call('ZSCORE', KEYS[3], string.sub(key, 1, tonumber(length)))
    if purge and tonumber(purge) > stored then return false end
  end
  redis.pcall('SETRANGE', KEYS[1], 4, struct.pack('>d', last))
  return true
end)
if read and valid then return value end
if read then redis.pcall('UNLINK', KEYS[1]) end
return false`;

/**
 * Stores an entry with the tokens of its tags. A tag without a token receives a new one, which does not expire before
 * the entry. Other processes are notified when the entry replaces another one. The entry is stored before the other keys
 * are retained, because a Redis whose memory is full refuses only the first command of a script that writes.
 * KEYS: the entry, generations, purges. ARGV: the prefix of tags, milliseconds to live, a new token, a number for the
 * first purge, the channel, the message, the part of the entry after its tags, the tags.
 */
export const setEntry = `local last = redis.call('ZSCORE', KEYS[2], 'last')
if not last or not redis.call('ZSCORE', KEYS[3], '') then
  last = ARGV[4]
  redis.call('UNLINK', KEYS[2], KEYS[3])
  redis.call('ZADD', KEYS[2], last, 'last')
  redis.call('ZADD', KEYS[3], last, '')
end
local used = { KEYS[2], KEYS[3] }
local parts = { '${formatName}', struct.pack('>dI2', tonumber(last), #ARGV - 7) }
for i = 8, #ARGV do
  local key = ARGV[1] .. ARGV[i]
  local token = redis.pcall('GET', key)
  if type(token) ~= 'string' or #token ~= ${tokenBytes} then
    token = ARGV[3]
    redis.call('SET', key, token, 'PX', ARGV[2])
  else
    used[#used + 1] = key
  end
  parts[#parts + 1] = token .. struct.pack('>I2', #ARGV[i]) .. ARGV[i]
end
parts[#parts + 1] = ARGV[7]
local replaced = redis.call('EXISTS', KEYS[1]) == 1
redis.call('SET', KEYS[1], table.concat(parts), 'PX', ARGV[2])
for _, key in ipairs(used) do
  if redis.call('PTTL', key) < tonumber(ARGV[2]) then redis.call('PEXPIRE', key, ARGV[2]) end
end
if replaced then redis.call('PUBLISH', ARGV[5], ARGV[6]) end`;

/**
 * Records a purge by prefix. When there are too many, the oldest one is replaced by a purge of all entries that were
 * stored before it and not read since. The first command removes nothing: after a command that only removes, Redis
 * executes the others also when its memory is full.
 * KEYS: generations, purges. ARGV: the prefix, the most purges.
 */
export const purgePrefix = `redis.call('ZREM', KEYS[1], '')
if not redis.call('ZSCORE', KEYS[1], 'last') or not redis.call('ZSCORE', KEYS[2], '') then return 0 end
local last = redis.call('ZINCRBY', KEYS[1], 1, 'last')
redis.call('ZADD', KEYS[1], last, #ARGV[1])
redis.call('ZADD', KEYS[2], last, ARGV[1])
if redis.call('ZCARD', KEYS[2]) > tonumber(ARGV[2]) then
  local oldest = redis.call('ZRANGE', KEYS[2], 1, 1, 'WITHSCORES')[2]
  redis.call('ZREMRANGEBYRANK', KEYS[2], 0, 1)
  if not redis.call('ZSCORE', KEYS[2], '') then redis.call('ZADD', KEYS[2], oldest, '') end
end
return 0`;

/**
 * Acquires a lease, or marks the existing one, so that its end is published. Returns 2 when an entry exists that was
 * not found before.
 * KEYS: the lease, the entry. ARGV: a token, milliseconds to live, '1' when no entry was found.
 */
export const takeLease = `if ARGV[3] == '1' and redis.call('EXISTS', KEYS[2]) == 1 then return 2 end
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
if redis.pcall('STRLEN', KEYS[1]) == #ARGV[1] then redis.pcall('APPEND', KEYS[1], '+') end
return 0`;

/**
 * Ends a lease if the token matches, and notifies waiting processes.
 * KEYS: the lease. ARGV: its token, the channel, the message.
 */
export const endLease = `local held = redis.pcall('GET', KEYS[1])
if type(held) ~= 'string' or string.sub(held, 1, #ARGV[1]) ~= ARGV[1] then return end
redis.call('DEL', KEYS[1])
if #held > #ARGV[1] then redis.call('PUBLISH', ARGV[2], ARGV[3]) end`;
