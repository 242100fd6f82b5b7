import { performance } from 'node:perf_hooks';
import { debugFor } from '../support/debug.js';
import { withTimeLimit } from '../support/time-limit.js';
import { type Bucket, keyNames } from './bucket.js';
import type { ClusterClient, Template } from './client.js';
import { type Commands, RedisCommands } from './redis-commands.js';
import { probeOf, type ServerSettings, type Servers } from './servers.js';
import { bucketPrefixes, crc16, slotOf } from './slots.js';
import type { RedisStoreEvent } from './store-events.js';
import { type Search, search } from './templates.js';

const debug = debugFor('redis-store');

/** The pause between two searches for the masters, while one of them is missing. */
const searchPauseMs = 400;
/** The time limit for a connection to a master that the cluster names. */
const connectLimitMs = 1000;

const nothing = Promise.resolve(undefined);
const offline: Commands = {
  up: false,
  writable: false,
  send: () => nothing,
  write: () => nothing,
  sendWithoutReply: () => {},
};

interface ClusterBucket extends Bucket {
  readonly slot: number;
  commands: Commands;
}

/** A master of the cluster. */
interface Master {
  readonly template: Template;
  readonly commands: RedisCommands;
}

interface FoundCluster extends Search {
  readonly slots: readonly ({ readonly master: { readonly address: string } } | undefined)[];
  nodeClient(node: unknown): Template | Promise<Template>;
}

/**
 * The masters of a cluster, each with its connection and its circuit. When one is lost, or is not responsible for a key,
 * a copy of the client of the app finds the masters again. Commands do not follow redirections: they find nothing.
 */
export class ClusterServers implements Servers {
  readonly buckets: readonly [ClusterBucket, ...ClusterBucket[]];
  readonly #client: ClusterClient;
  readonly #settings: ServerSettings;
  readonly #masters = new Map<string, Master>();
  readonly #found: Promise<void>;
  #publisher: string | undefined;
  #moved = false;
  #searching = false;
  #searchedAt = 0;
  #downAt: number | undefined;
  #closed = false;

  constructor(client: ClusterClient, settings: ServerSettings) {
    this.#client = client;
    this.#settings = settings;
    const bucketOf = (prefix: string): ClusterBucket => {
      const names = keyNames(prefix);
      return { names, slot: slotOf(names.entry), commands: offline };
    };
    const [first, ...others] = bucketPrefixes(settings.prefix);
    this.buckets = [bucketOf(first), ...others.map(bucketOf)];
    this.#found = this.#search();
  }

  get up(): boolean {
    return this.buckets.some(({ commands }) => commands.up);
  }

  readonly publisher = async (): Promise<Template> => {
    await this.#found;
    const master = this.#masters.get(this.#publisher ?? '');
    if (master === undefined) throw new Error('no master is known');
    return master.template;
  };

  /** All keys of a path are in one bucket: the path is the part before the first space. */
  bucketOf(key: string): Bucket {
    const end = key.indexOf(' ') + 1;
    return this.buckets[crc16(key.slice(0, end || undefined)) % this.buckets.length] as Bucket;
  }

  bucketsOf(prefix: string): readonly Bucket[] {
    return prefix.includes(' ') ? [this.bucketOf(prefix)] : this.buckets;
  }

  async ready(): Promise<boolean> {
    await this.#found;
    const ready = await Promise.all([...this.#masters.values()].map(({ commands }) => commands.ready()));
    return ready.includes(true);
  }

  tick(): void {
    for (const { commands } of this.#masters.values()) commands.tick();
    this.#searchIfNeeded();
  }

  close(): void {
    this.#closed = true;
    for (const { commands } of this.#masters.values()) commands.close();
  }

  #searchIfNeeded(): void {
    const missing = this.#moved || this.buckets.some(({ commands }) => !commands.up);
    if (missing && performance.now() - this.#searchedAt > searchPauseMs) void this.#search();
  }

  async #search(): Promise<void> {
    if (this.#searching || this.#closed) return;
    this.#searching = true;
    this.#moved = false;
    try {
      await search(this.#client.duplicate({ minimizeConnections: true }) as FoundCluster, (found) =>
        this.#assign(found),
      );
    } catch (error) {
      debug(() => ['cluster: %s', error]);
      if (this.#masters.size === 0) this.#down(`no connection: ${(error as Error).message}`);
    }
    this.#searchedAt = performance.now();
    this.#searching = false;
  }

  /** Assigns the buckets to the masters of a connected cluster. */
  async #assign(found: FoundCluster): Promise<void> {
    const owners = this.buckets.map(({ slot }) => found.slots[slot]?.master);
    const addresses = new Map(owners.map((owner) => [owner?.address, owner]));
    await Promise.all(
      [...addresses].map(async ([address, owner]) => {
        if (address === undefined || this.#masters.has(address)) return;
        const connected = Promise.resolve(found.nodeClient(owner)).catch(() => undefined);
        const template = await withTimeLimit(connected, connectLimitMs, () => undefined);
        const bucket = this.buckets[owners.indexOf(owner)] as Bucket;
        if (template && !this.#closed) this.#masters.set(address, this.#connect(template, address, bucket));
      }),
    );
    this.buckets.forEach((bucket, at) => {
      bucket.commands = this.#masters.get(owners[at]?.address ?? '')?.commands ?? bucket.commands;
    });
    const publisher = owners[0]?.address ?? '';
    if (this.#publisher !== publisher && this.#masters.has(publisher)) {
      if (this.#publisher !== undefined) this.#settings.onPublisherChange();
      this.#publisher = publisher;
    }
    this.#closeUnused();
    this.#settle();
  }

  #connect(template: Template, address: string, bucket: Bucket): Master {
    const { timeoutMs, onDown } = this.#settings;
    const commands = new RedisCommands(() => template, {
      timeoutMs,
      probe: probeOf(bucket),
      report: (event) => this.#report(address, event),
      onMoved: () => {
        this.#moved = true;
        this.#searchIfNeeded();
      },
    });
    commands.on('up', () => this.#settle());
    commands.on('down', onDown);
    return { template, commands };
  }

  #closeUnused(): void {
    for (const [address, { commands }] of this.#masters) {
      if (this.buckets.some((bucket) => bucket.commands === commands)) continue;
      this.#masters.delete(address);
      commands.close();
    }
  }

  #report(address: string, event: RedisStoreEvent): void {
    if (event.event === 'down') this.#down(`${address}: ${event.reason}`);
    else if (event.event !== 'up') this.#settings.report(event);
  }

  #down(reason: string): void {
    if (this.#downAt !== undefined || this.#closed) return;
    this.#downAt = performance.now();
    this.#settings.report({ event: 'down', reason });
  }

  /** Reports that Redis is up when all masters are. */
  #settle(): void {
    if (this.#downAt === undefined || this.buckets.some(({ commands }) => !commands.up)) return;
    const afterMs = Math.round(performance.now() - this.#downAt);
    this.#downAt = undefined;
    this.#settings.report({ event: 'up', afterMs });
  }
}
