import type { PurgeSelection } from '../middleware/response-cache/cache-store.js';
import { safeJsonParse } from '../support/safe-json.js';

/** A purge, with the process that requested it and the number of its purge there. */
export type PurgeMessage = PurgeSelection & { readonly by: string; readonly purge: number };

/**
 * The messages that stores publish: a purge, the confirmation that a process has dropped its copies, the replacement of
 * an entry, or the end of a lease.
 */
export type StoreMessage =
  | PurgeMessage
  | { readonly confirmed: string }
  | { readonly replaced: string; readonly by: string }
  | { readonly ended: string };

const kinds = ['key', 'prefix', 'tag', 'confirmed', 'replaced', 'ended'] as const;

export function encodeMessage(message: StoreMessage): string {
  return JSON.stringify(message);
}

/** Decodes a message. Returns `undefined` for other texts on the channel. */
export function decodeMessage(text: string): StoreMessage | undefined {
  const parsed = safeJsonParse<Record<string, unknown> | null>(text);
  if (!parsed.ok || typeof parsed.value !== 'object' || parsed.value === null) return undefined;
  const { value } = parsed;
  return kinds.some((kind) => typeof value[kind] === 'string')
    ? (value as unknown as StoreMessage)
    : undefined;
}
