/** The slots of a Redis Cluster, which its masters divide among themselves. */
const slotCount = 16_384;
/** The slots that a store uses. With a few more masters than that, some would have nothing to do. */
const bucketCount = 32;

/** CRC16 (XMODEM), by which a cluster assigns names to slots. */
export function crc16(text: string): number {
  let crc = 0;
  for (const byte of Buffer.from(text)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  }
  return crc & 0xffff;
}

/** The slot of a key: that of its hash tag if it has one. */
export function slotOf(key: string): number {
  return crc16(hashTagOf(key) || key) % slotCount;
}

/** The part of a key between its first braces, which may be empty; `undefined` without braces. */
export function hashTagOf(key: string): string | undefined {
  const start = key.indexOf('{');
  const end = key.indexOf('}', start);
  return start === -1 || end === -1 ? undefined : key.slice(start + 1, end);
}

/**
 * The prefixes of the keys of each bucket. Their slots are at equal distances, so that every master has its share. A
 * prefix with a hash tag of its own is in one slot.
 */
export function bucketPrefixes(prefix: string): readonly [string, ...string[]] {
  const prefixes: string[] = [];
  if (hashTagOf(prefix) !== undefined) return [prefix];
  for (let tag = 0, found = 0; found < bucketCount; tag++) {
    const candidate = `${prefix}{${tag}}:`;
    const part = Math.floor((slotOf(candidate) * bucketCount) / slotCount);
    if (prefixes[part] !== undefined) continue;
    prefixes[part] = candidate;
    found += 1;
  }
  return prefixes as [string, ...string[]];
}
