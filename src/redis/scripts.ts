import { formatName, tokenBytes } from './entry-format.js';

/**
 * Each script is sent with its text. Redis caches the compiled script, and no script has to be loaded after a restart
 * of the server. The scripts read keys of tags whose names are in values, which Redis Cluster does not allow.
 */

/**
 * Returns an entry if its tags still have the tokens with which it was stored. A purge of a tag removes its token. The
 * eviction or expiry of a token has the same effect, so that every entry can be purged.
 * KEYS: the entry. ARGV: the prefix of tags.
 */
export const getEntry = `local value = redis.pcall('GET', KEYS[1])
if type(value) ~= 'string' or string.sub(value, 1, 4) ~= '${formatName}' then return false end
local read, valid = pcall(function()
  local count, at = struct.unpack('>I2', value, 5)
  for _ = 1, count do
    local token, tag
    token, tag, at = struct.unpack('>c${tokenBytes}I2c0', value, at)
    if redis.call('GET', ARGV[1] .. tag) ~= token then return false end
  end
  return true
end)
if read and valid then return value end
if read then redis.pcall('UNLINK', KEYS[1]) end
return false`;

/**
 * Stores an entry with the tokens of its tags. A tag without a token receives a new one, which does not expire before
 * the entry. Other processes are notified when the entry replaces another one.
 * KEYS: the entry. ARGV: the prefix of tags, milliseconds to live, a new token, the channel, the message, the part of
 * the entry after its tags, the tags.
 */
export const setEntry = `local parts = { '${formatName}', struct.pack('>I2', #ARGV - 6) }
for i = 7, #ARGV do
  local key = ARGV[1] .. ARGV[i]
  local token = redis.pcall('GET', key)
  if type(token) ~= 'string' or #token ~= ${tokenBytes} then
    token = ARGV[3]
    redis.call('SET', key, token, 'PX', ARGV[2])
  elseif redis.call('PTTL', key) < tonumber(ARGV[2]) then
    redis.call('PEXPIRE', key, ARGV[2])
  end
  parts[#parts + 1] = token .. struct.pack('>I2', #ARGV[i]) .. ARGV[i]
end
parts[#parts + 1] = ARGV[6]
local replaced = redis.call('EXISTS', KEYS[1]) == 1
redis.call('SET', KEYS[1], table.concat(parts), 'PX', ARGV[2])
if replaced then redis.call('PUBLISH', ARGV[4], ARGV[5]) end`;

/**
 * Removes a key and publishes the message. Returns the number of removed keys and of processes that receive the message.
 * KEYS: an entry or a tag. ARGV: the channel, the message.
 */
export const removeKey = `local removed = redis.call('UNLINK', KEYS[1])
return { removed, redis.call('PUBLISH', ARGV[1], ARGV[2]) }`;

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
