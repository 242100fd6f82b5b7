import type { PurgeSelection } from '../cache-store.js';

const mostFills = 10_000;
const mostPurges = 256;
/** How long an entry was in the making whose begin was not seen: one that is made anew while the old one is served. */
const unseenMs = 10_000;

interface Purge {
  readonly selection: PurgeSelection;
  readonly elsewhere: boolean;
  readonly at: number;
}

/**
 * Entries that are being made. What is purged anywhere meanwhile is made of what the purge was to end, and is not kept.
 * Times are those of `performance.now()`.
 */
export class Fills {
  readonly #startedAt = new Map<string, number>();
  readonly #purges: Purge[] = [];

  start(key: string, now: number): void {
    if (this.#startedAt.has(key)) return;
    this.#startedAt.set(key, now);
    if (this.#startedAt.size <= mostFills) return;
    const [oldest] = this.#startedAt.keys();
    this.#startedAt.delete(oldest as string);
  }

  /** Nothing was made, or it was kept. */
  end(key: string): void {
    this.#startedAt.delete(key);
  }

  /** Whether what was made may be kept. */
  mayKeep(key: string, tags: readonly string[], now: number): boolean {
    const startedAt = this.#startedAt.get(key);
    const since = startedAt ?? now - unseenMs;
    // beyond what is remembered, it is taken for purged
    if (this.#purges.length === mostPurges && (this.#purges[0] as Purge).at >= since) return false;
    return !this.#purges.some(
      ({ selection, at, elsewhere }) =>
        at >= since && (elsewhere || startedAt !== undefined) && selects(selection, key, tags),
    );
  }

  /** A purge; of one in this process it is known what was begun before it. */
  purge(selection: PurgeSelection, elsewhere: boolean, now: number): void {
    if (this.#purges.length === mostPurges) this.#purges.shift();
    this.#purges.push({ selection, elsewhere, at: now });
  }
}

function selects(selection: PurgeSelection, key: string, tags: readonly string[]): boolean {
  if ('key' in selection) return selection.key === key;
  return 'prefix' in selection ? key.startsWith(selection.prefix) : tags.includes(selection.tag);
}
