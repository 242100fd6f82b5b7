import type { PurgeReport, PurgeSelection } from '../middleware/response-cache/cache-store.js';
import type { Bucket } from './bucket.js';
import { PurgeConfirmations } from './purge-confirmations.js';
import { purgePrefix } from './scripts.js';
import type { Servers } from './servers.js';
import { encodeMessage, type PurgeMessage } from './store-messages.js';

const maxFailed = 1000;
/** The purges by prefix that Redis records, in all buckets together. */
const mostPrefixes = 100_000;

/** The names of channels. */
export interface ChannelNames {
  readonly messages: string;
  /** The channel on which one process receives the confirmations of its purges. */
  confirmations(id: string): string;
}

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
  readonly #servers: Servers;
  readonly #channels: ChannelNames;
  readonly #id: string;
  readonly #confirmations: PurgeConfirmations;
  #failed: PurgeSelection[] = [];
  #repeating = false;

  constructor(servers: Servers, channels: ChannelNames, id: string, timeoutMs: number) {
    this.#id = id;
    this.#servers = servers;
    this.#channels = channels;
    this.#confirmations = new PurgeConfirmations(timeoutMs);
  }

  /** Reports the number of removed entries if Redis counts them. The reach is `'process'` without a reply in time. */
  async purge(selection: PurgeSelection): Promise<PurgeReport> {
    const executed = await this.#execute(selection);
    // When there are too many failed purges to record each of them, everything is purged later.
    if (executed === undefined) {
      this.#failed = this.#failed.length < maxFailed ? [...this.#failed, selection] : [{ prefix: '' }];
      return { reach: 'process' };
    }
    await executed.confirmed;
    return 'key' in selection ? { removed: executed.removed, reach: 'all' } : { reach: 'all' };
  }

  /** Confirms a purge: to the process that requested it, which may be this one. */
  confirm({ by, purge }: PurgeMessage): void {
    if (by === this.#id) this.#confirmations.add(purge);
    else {
      const message = encodeMessage({ confirmed: String(purge) });
      this.#publisher.sendWithoutReply(['PUBLISH', this.#channels.confirmations(by), message]);
    }
  }

  /** Records that another process has confirmed a purge of this one. */
  confirmed(purge: string): void {
    this.#confirmations.add(Number(purge));
  }

  /** Repeats the failed purges, until one fails again. */
  async tick(): Promise<void> {
    if (this.#repeating || !this.#publisher.up) return;
    this.#repeating = true;
    for (let [selection] = this.#failed; selection !== undefined; [selection] = this.#failed) {
      if ((await this.#execute(selection)) === undefined) break;
      this.#failed = this.#failed.filter((failed) => failed !== selection);
    }
    this.#repeating = false;
  }

  get #publisher(): Bucket['commands'] {
    return this.#servers.buckets[0].commands;
  }

  async #execute(selection: PurgeSelection): Promise<Executed | undefined> {
    const replies = await Promise.all(
      this.#bucketsOf(selection).map(({ names, commands }) => {
        if ('key' in selection) return purge(commands, ['UNLINK', names.entry + selection.key]);
        if ('tag' in selection) return purge(commands, ['UNLINK', names.tag + selection.tag]);
        const most = String(Math.ceil(mostPrefixes / this.#servers.buckets.length));
        const { generations, purges } = names;
        return purge(commands, ['EVAL', purgePrefix, '2', generations, purges, selection.prefix, most]);
      }),
    );
    // The message is published at the end, so that entries that were read meanwhile are also dropped. It is published
    // without a reply of one master, too, because the copies in processes can be dropped.
    const number = this.#confirmations.open();
    const message = encodeMessage({ ...selection, by: this.#id, purge: number });
    const receivers = await purge(this.#publisher, ['PUBLISH', this.#channels.messages, message]);
    const confirmed = this.#confirmations.complete(number, receivers ?? 0);
    const removed = replies.reduce((sum: number, reply) => sum + (reply ?? 0), 0);
    return receivers === undefined || replies.includes(undefined) ? undefined : { removed, confirmed };
  }

  #bucketsOf(selection: PurgeSelection): readonly Bucket[] {
    if ('key' in selection) return [this.#servers.bucketOf(selection.key)];
    return 'tag' in selection ? this.#servers.buckets : this.#servers.bucketsOf(selection.prefix);
  }
}

/** Sends a command that purges. A refusal is no failure of the server: a replica refuses each of them. */
async function purge(commands: Bucket['commands'], args: readonly string[]): Promise<number | undefined> {
  const reply = await commands.send(args, 0, () => {});
  return typeof reply === 'number' ? reply : undefined;
}
