import type { PurgeSelection } from '../cache-store.js';

const mostFills = 10_000;
const mostTags = 1000;

/**
 * Entries that are being made: what is purged meanwhile was made from what the purge is about, and is not kept. Both
 * lists are bounded; what is forgotten counts as not purged.
 */
export class Fills {
  readonly #startedAt = new Map<string, number>();
  readonly #purgedTags = new Map<string, number>();
  /** Counts what happens. */
  #clock = 0;

  start(key: string): void {
    if (this.#startedAt.has(key)) return;
    this.#startedAt.set(key, ++this.#clock);
    dropOldest(this.#startedAt, mostFills);
  }

  /** Whether what was made may be kept. */
  finish(key: string, tags: readonly string[] = []): boolean {
    const startedAt = this.#startedAt.get(key);
    if (startedAt === undefined) return true;
    this.#startedAt.delete(key);
    return startedAt > 0 && !tags.some((tag) => (this.#purgedTags.get(tag) ?? 0) > startedAt);
  }

  purge(selection: PurgeSelection): void {
    if ('tag' in selection) {
      this.#purgedTags.delete(selection.tag);
      this.#purgedTags.set(selection.tag, ++this.#clock);
      dropOldest(this.#purgedTags, mostTags);
    } else if ('key' in selection) this.#spoil(selection.key);
    else for (const key of this.#startedAt.keys()) if (key.startsWith(selection.prefix)) this.#spoil(key);
  }

  #spoil(key: string): void {
    if (this.#startedAt.has(key)) this.#startedAt.set(key, 0);
  }
}

function dropOldest(map: Map<string, number>, most: number): void {
  if (map.size <= most) return;
  const [oldest] = map.keys();
  map.delete(oldest as string);
}
