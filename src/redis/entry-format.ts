import type { CacheEntry } from '../middleware/response-cache/cache-store.js';
import { safeJsonParse } from '../support/safe-json.js';

/**
 * The name of the format of entries. An entry in Redis is one value. It begins with this name, the number of the last
 * purge as a double, the number of tags, and the token and name of each tag. The length of a JSON text, that text, and
 * the body follow. Numbers are big-endian. The length of a tag name has two bytes. The Lua scripts write and read the part before the length of the text.
 */
export const formatName = 'EPC2';
export const tokenBytes = 16;
const headBytes = 14;
export const mostTags = 1000;
const longestTag = 0xffff;

interface Head {
  readonly head: Record<string, unknown>;
  readonly expiresAt: number;
}

/** The part of an entry after the tags, which this process encodes. It is `undefined` when the tags exceed a limit. */
export function encodeEntry({ head, body, expiresAt, tags }: CacheEntry): Buffer | undefined {
  if (tags.length > mostTags || tags.some((tag) => Buffer.byteLength(tag) > longestTag)) return undefined;
  const text = Buffer.from(JSON.stringify({ head, expiresAt } satisfies Head));
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text, body]);
}

/** The entry in a value of Redis; `undefined` for another value and for an expired entry. */
export function decodeEntry(value: unknown, now: number): CacheEntry | undefined {
  if (
    !Buffer.isBuffer(value) ||
    value.length < headBytes + 4 ||
    value.toString('latin1', 0, 4) !== formatName
  ) {
    return undefined;
  }
  const tags: string[] = [];
  let at = headBytes;
  for (let left = value.readUInt16BE(headBytes - 2); left > 0; left--) {
    const name = at + tokenBytes + 2;
    if (name > value.length) return undefined;
    at = name + value.readUInt16BE(name - 2);
    if (at > value.length) return undefined;
    tags.push(value.toString('utf8', name, at));
  }
  if (at + 4 > value.length) return undefined;
  const end = at + 4 + value.readUInt32BE(at);
  if (end > value.length) return undefined;
  const parsed = safeJsonParse<Partial<Head> | null>(value.toString('utf8', at + 4, end));
  const { head, expiresAt } = (parsed.ok && parsed.value) || {};
  if (typeof head !== 'object' || head === null || Array.isArray(head)) return undefined;
  if (typeof expiresAt !== 'number' || !(expiresAt > now)) return undefined;
  return { head, body: ownBytes(value.subarray(end)), expiresAt, tags };
}

/** Copies the bytes of a reply, because a slice would retain the large buffer of the socket. */
function ownBytes(bytes: Buffer): Buffer {
  return bytes.buffer.byteLength > 2 * bytes.length ? Buffer.from(bytes) : bytes;
}
