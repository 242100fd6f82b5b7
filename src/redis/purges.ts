import { performance } from 'node:perf_hooks';
import type { PurgeReport, PurgeSelection } from '../middleware/response-cache/cache-store.js';
import type { KeyNames } from './key-names.js';
import { PurgeConfirmations } from './purge-confirmations.js';
import type { RedisCommands } from './redis-commands.js';
import { removeKey } from './scripts.js';
import { encodeMessage, type PurgeMessage } from './store-messages.js';

const scanLimitMs = 10_000;
const maxFailed = 1000;

/** A purge that Redis has executed. */
interface Executed {
  readonly removed: number;
  /** Resolves when all processes have dropped their copies, or when the time is over. */
  readonly confirmed: Promise<void>;
}

/**
 * Purges in Redis and notifies all processes. A purge resolves when each of them has dropped its copies, or after
 * `timeoutMs`. A failed purge is repeated when Redis is available again.
 */
export class Purges {
  readonly #commands: RedisCommands;
  readonly #names: KeyNames;
  readonly #id: string;
  readonly #confirmations: PurgeConfirmations;
  #failed: PurgeSelection[] = [];

  constructor(commands: RedisCommands, names: KeyNames, id: string, timeoutMs: number) {
    this.#id = id;
    this.#commands = commands;
    this.#names = names;
    this.#confirmations = new PurgeConfirmations(timeoutMs);
    commands.on('up', () => void this.#repeat());
  }

  /** Reports the number of removed entries if Redis counts them. The reach is `'process'` without a reply in time. */
  async purge(selection: PurgeSelection): Promise<PurgeReport> {
    const executed = await this.#execute(selection);
    await executed?.confirmed;
    if (executed === undefined) return { reach: 'process' };
    return 'tag' in selection ? { reach: 'all' } : { removed: executed.removed, reach: 'all' };
  }

  /** Confirms a purge: to the process that requested it, which may be this one. */
  confirm({ by, purge }: PurgeMessage): void {
    if (by === this.#id) this.#confirmations.add(purge);
    else {
      const message = encodeMessage({ confirmed: String(purge) });
      this.#commands.sendWithoutReply(['PUBLISH', this.#names.confirmations(by), message]);
    }
  }

  /** Records that another process has confirmed a purge of this one. */
  confirmed(purge: string): void {
    this.#confirmations.add(Number(purge));
  }

  async #execute(selection: PurgeSelection): Promise<Executed | undefined> {
    const executed = await ('prefix' in selection ? this.#removeAll(selection) : this.#remove(selection));
    // When there are too many failed purges to record each of them, everything is purged later.
    if (executed === undefined) {
      this.#failed = this.#failed.length < maxFailed ? [...this.#failed, selection] : [{ prefix: '' }];
    }
    return executed;
  }

  async #remove(
    selection: Exclude<PurgeSelection, { readonly prefix: string }>,
  ): Promise<Executed | undefined> {
    const name = 'tag' in selection ? this.#names.tag + selection.tag : this.#names.entry + selection.key;
    const purge = this.#confirmations.open();
    const message = this.#messageOf(selection, purge);
    const reply = await this.#commands.send(['EVAL', removeKey, '1', name, this.#names.channel, message]);
    const [removed, receivers] = Array.isArray(reply) ? (reply as [number, number]) : [undefined, 0];
    const confirmed = this.#confirmations.complete(purge, receivers);
    return removed === undefined ? undefined : { removed, confirmed };
  }

  async #removeAll(selection: { readonly prefix: string }): Promise<Executed | undefined> {
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
    const purge = this.#confirmations.open();
    const message = this.#messageOf(selection, purge);
    const receivers = await this.#commands.send(['PUBLISH', this.#names.channel, message]);
    const confirmed = this.#confirmations.complete(purge, (receivers ?? 0) as number);
    return receivers === undefined ? undefined : { removed, confirmed };
  }

  async #repeat(): Promise<void> {
    for (const selection of this.#failed.splice(0)) await this.#execute(selection);
  }

  #messageOf(selection: PurgeSelection, purge: number): string {
    return encodeMessage({ ...selection, by: this.#id, purge });
  }
}

/** Escapes the special characters of a Redis glob. */
function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\^]/g, '\\$&');
}
