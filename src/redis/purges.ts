import { performance } from 'node:perf_hooks';
import type { PurgeReport, PurgeSelection } from '../middleware/response-cache/cache-store.js';
import type { RedisCommands } from './commands.js';
import { encodeMessage } from './messages.js';
import type { Names } from './names.js';
import { removeKey } from './scripts.js';

const scanLimitMs = 10_000;
const mostOwed = 1000;

/** Purges in Redis, and tells everybody. What Redis did not hear is repeated when it is there again. */
export class Purges {
  readonly #commands: RedisCommands;
  readonly #names: Names;
  readonly #id: string;
  #owed: PurgeSelection[] = [];

  constructor(commands: RedisCommands, names: Names, id: string) {
    this.#id = id;
    this.#commands = commands;
    this.#names = names;
    commands.onTurn('up', () => void this.#payUp());
  }

  /** How many entries were removed, where that is known; the reach is `'process'` when Redis did not do it in time. */
  async purge(selection: PurgeSelection): Promise<PurgeReport> {
    const removed = await this.#remove(selection);
    if (removed === undefined) {
      // what cannot be remembered one by one is remembered as everything
      this.#owed = this.#owed.length < mostOwed ? [...this.#owed, selection] : [{ prefix: '' }];
      return { reach: 'process' };
    }
    return 'tag' in selection ? { reach: 'all' } : { removed, reach: 'all' };
  }

  async #remove(selection: PurgeSelection): Promise<number | undefined> {
    if ('prefix' in selection) return this.#removeAll(selection);
    const name = 'tag' in selection ? this.#names.tag + selection.tag : this.#names.entry + selection.key;
    const message = encodeMessage({ ...selection, by: this.#id });
    const removed = await this.#commands.ask(['EVAL', removeKey, '1', name, this.#names.channel, message]);
    return removed as number | undefined;
  }

  async #removeAll(selection: { readonly prefix: string }): Promise<number | undefined> {
    const pattern = `${escapeGlob(this.#names.entry + selection.prefix)}*`;
    const limit = performance.now() + scanLimitMs;
    let cursor = '0';
    let removed = 0;
    do {
      const scanned = await this.#commands.ask(['SCAN', cursor, 'MATCH', pattern, 'COUNT', '1000']);
      if (!Array.isArray(scanned) || performance.now() > limit) return undefined;
      const [next, found] = scanned as [Buffer, Buffer[]];
      cursor = String(next);
      if (found.length === 0) continue;
      const unlinked = await this.#commands.ask(['UNLINK', ...found]);
      if (unlinked === undefined) return undefined;
      removed += unlinked as number;
    } while (cursor !== '0');
    // told at the end: what a process took from Redis meanwhile is dropped, too
    const told = await this.#commands.ask([
      'PUBLISH',
      this.#names.channel,
      encodeMessage({ ...selection, by: this.#id }),
    ]);
    return told === undefined ? undefined : removed;
  }

  async #payUp(): Promise<void> {
    for (const selection of this.#owed.splice(0)) await this.purge(selection);
  }
}

/** Redis matches by glob: `*`, `?` and `[` mean more than themselves. */
function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\^]/g, '\\$&');
}
