import { performance } from 'node:perf_hooks';
import type { PurgeReport, PurgeSelection } from '../middleware/response-cache/cache-store.js';
import type { RedisCommands } from './commands.js';
import type { KeyNames } from './key-names.js';
import { removeKey } from './scripts.js';
import { encodeMessage } from './store-messages.js';

const scanLimitMs = 10_000;
const maxFailed = 1000;

/** Purges in Redis and notifies all processes. A failed purge is repeated when Redis is available again. */
export class Purges {
  readonly #commands: RedisCommands;
  readonly #names: KeyNames;
  readonly #id: string;
  #failed: PurgeSelection[] = [];

  constructor(commands: RedisCommands, names: KeyNames, id: string) {
    this.#id = id;
    this.#commands = commands;
    this.#names = names;
    commands.on('up', () => void this.#repeat());
  }

  /** Reports the number of removed entries if Redis counts them. The reach is `'process'` without a reply in time. */
  async purge(selection: PurgeSelection): Promise<PurgeReport> {
    const removed = await this.#remove(selection);
    if (removed === undefined) {
      // When there are too many failed purges to record each of them, everything is purged later.
      this.#failed = this.#failed.length < maxFailed ? [...this.#failed, selection] : [{ prefix: '' }];
      return { reach: 'process' };
    }
    return 'tag' in selection ? { reach: 'all' } : { removed, reach: 'all' };
  }

  async #remove(selection: PurgeSelection): Promise<number | undefined> {
    if ('prefix' in selection) return this.#removeAll(selection);
    const name = 'tag' in selection ? this.#names.tag + selection.tag : this.#names.entry + selection.key;
    const message = encodeMessage({ ...selection, by: this.#id });
    const removed = await this.#commands.send(['EVAL', removeKey, '1', name, this.#names.channel, message]);
    return removed as number | undefined;
  }

  async #removeAll(selection: { readonly prefix: string }): Promise<number | undefined> {
    const pattern = `${escapeGlob(this.#names.entry + selection.prefix)}*`;
    const limit = performance.now() + scanLimitMs;
    let cursor = '0';
    let removed = 0;
    do {
      const scanned = await this.#commands.send(['SCAN', cursor, 'MATCH', pattern, 'COUNT', '1000']);
      if (!Array.isArray(scanned) || performance.now() > limit) return undefined;
      const [next, found] = scanned as [Buffer, Buffer[]];
      cursor = String(next);
      if (found.length === 0) continue;
      const unlinked = await this.#commands.send(['UNLINK', ...found]);
      if (unlinked === undefined) return undefined;
      removed += unlinked as number;
    } while (cursor !== '0');
    // The message is published at the end, so that entries that were read meanwhile are also dropped.
    const receivers = await this.#commands.send([
      'PUBLISH',
      this.#names.channel,
      encodeMessage({ ...selection, by: this.#id }),
    ]);
    return receivers === undefined ? undefined : removed;
  }

  async #repeat(): Promise<void> {
    for (const selection of this.#failed.splice(0)) await this.purge(selection);
  }
}

/** Escapes the special characters of a Redis glob. */
function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\^]/g, '\\$&');
}
