import { randomBytes, randomInt } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type {
  CacheEntry,
  CacheStore,
  PurgeReport,
  PurgeSelection,
} from '../middleware/response-cache/cache-store.js';
import { memoryStore } from '../middleware/response-cache/memory-store.js';
import { ProductionizeError } from '../support/errors.js';
import { getOrCreate } from '../support/get-or-create.js';
import { isPromise } from '../support/is-promise.js';
import { type Check, checkOptions, hasMethods, isInteger, isString } from '../support/options.js';
import { isPartLogger, type PartLogger } from '../support/part-logger.js';
import { isCluster, isRedisClient, type RedisStoreClient } from './client.js';
import { ClusterServers } from './cluster-servers.js';
import { decodeEntry, encodeEntry, tokenBytes } from './entry-format.js';
import { Leases } from './leases.js';
import { LocalStore } from './local-store.js';
import { PendingFills } from './pending-fills.js';
import { type ChannelNames, Purges } from './purges.js';
import { getEntry, setEntry } from './scripts.js';
import { singleServer } from './servers.js';
import { hashTagOf } from './slots.js';
import { reporter } from './store-events.js';
import { encodeMessage, type PurgeMessage, type StoreMessage } from './store-messages.js';
import { Subscription } from './subscription.js';

export type { CacheEntry, CacheStore, PartLogger, PurgeReport, PurgeSelection, RedisStoreClient };

/** Options of {@link redisStore}. */
export interface RedisStoreOptions {
  /**
   * A client of the `redis` package, version 4, 5 or 6: of `createClient`, `createClientPool`, `createCluster` or
   * `createSentinel`. The store connects duplicates of it and does not use it itself. Only a pool and the client of
   * sentinels have to be connected by the app.
   */
  readonly client: RedisStoreClient;
  /**
   * The prefix of all keys and of the channel. Apps that share a Redis, but not their responses, need different
   * prefixes.
   * @default 'express-productionize:'
   */
  readonly prefix?: string;
  /**
   * The maximum milliseconds that an operation waits for Redis. After that time the store continues without Redis.
   * @default 50
   */
  readonly timeoutMs?: number;
  /** Entries with a larger body, in bytes, are not sent to Redis. @default 1 MiB */
  readonly maxEntryBytes?: number;
  /**
   * The store in this process that is read first, or `false` for none. A purge in any process removes its entries
   * within a second.
   * @default memoryStore({ maxBytes: 16 MiB })
   */
  readonly local?: CacheStore | false;
  /**
   * Receives one line per change of state. `redis` is `down` when Redis is lost or too slow, and `up` when it is used
   * again. It is `read-only` when Redis refuses writes (its memory is full), and `writable` when Redis accepts them
   * again. The line contains the `reason`, or the duration in milliseconds (`afterMs`).
   * @default a warning of the process
   */
  readonly logger?: PartLogger;
}

/** The store that {@link redisStore} creates. */
export interface RedisStore extends CacheStore {
  /** Whether Redis is used at the moment. */
  readonly up: boolean;
  /** Resolves when the first connection attempt has succeeded (true) or failed (false). */
  ready(): Promise<boolean>;
  lease(key: string, limitMs: number): Promise<(() => void) | undefined>;
  purge(selection: PurgeSelection): Promise<PurgeReport>;
  onPurge(listener: (selection: PurgeSelection) => void): void;
  close(): void;
}

const tickMs = 250;
/** The first number of a purge is random, so that no entry is valid that was stored with lost numbers. */
const mostGenerations = 2 ** 47;

const isStore: Check = (value) =>
  value === false ? undefined : hasMethods('a CacheStore, or false', 'get')(value);

/** With empty braces, a cluster would assign each key to another slot. */
const isClusterPrefix: Check = (value) =>
  typeof value === 'string' && hashTagOf(value) === '' ? 'a string without empty braces' : isString(value);

function resolveRedisStore(options: RedisStoreOptions) {
  if (typeof options === 'string' || isRedisClient(options) === undefined) {
    // The URL is not part of the message, because it may contain a password.
    const got = typeof options === 'string' ? 'a string' : 'the client itself';
    const usage = typeof options === 'string' ? '{ client: createClient({ url }) }' : '{ client }';
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_OPTION',
      `redisStore: got ${got}. Pass a client of the \`redis\` package by name: redisStore(${usage}).`,
    );
  }
  const given = { ...options, client: options?.client ?? null } as RedisStoreOptions;
  const prefixCheck = isCluster(given.client) ? isClusterPrefix : isString;
  return checkOptions('redisStore', given, {
    client: isRedisClient,
    prefix: prefixCheck,
    timeoutMs: isInteger('milliseconds', 1, 60_000),
    maxEntryBytes: isInteger('bytes', 1),
    local: isStore,
    logger: isPartLogger,
  }) as RedisStoreOptions;
}

/**
 * A store for {@link responseCache} that processes and hosts share through Redis 5 or later. A store in this process is
 * read first, so that a popular response costs no round trip. Purges by key, prefix and tag reach all processes within
 * a second. One process runs the handler for a key while the others wait.
 *
 * No request fails because of Redis, and none waits longer for it than `timeoutMs`. When the connection is lost, or
 * replies are late, Redis is not used until it replies to a probe. Meanwhile responses are stored for a second in this
 * process, and purges are repeated afterwards.
 *
 * The client is one of `createClient`, `createClientPool`, `createCluster` or `createSentinel`. In a cluster the entries
 * are in 32 slots, each with its own tags and purges, so that no command concerns two slots.
 *
 * @throws ProductionizeError when an option is wrong.
 * @example
 * app.use(responseCache({ store: redisStore({ client: createClient({ url: process.env.REDIS_URL }) }) }))
 */
export function redisStore(options: RedisStoreOptions): RedisStore {
  const {
    client,
    prefix = 'express-productionize:',
    timeoutMs = 50,
    maxEntryBytes = 1024 * 1024,
    local = memoryStore({ maxBytes: 16 * 1024 * 1024 }),
    logger,
  } = resolveRedisStore(options);
  const channels: ChannelNames = {
    messages: `${prefix}messages`,
    confirmations: (by) => `${prefix}confirmations:${by}`,
  };
  const id = randomBytes(9).toString('base64');
  const serverSettings = {
    prefix,
    timeoutMs,
    report: reporter(logger),
    onDown: () => leases.resume(),
    onPublisherChange: () => subscription.replace(),
  };
  const servers = isCluster(client)
    ? new ClusterServers(client, serverSettings)
    : singleServer(client, serverSettings);
  const subscription = new Subscription(servers.publisher, [channels.messages, channels.confirmations(id)], {
    onMessage,
    onGap,
  });
  const localStore = new LocalStore(local, subscription);
  const fills = new PendingFills();
  const purges = new Purges(servers, channels, id, timeoutMs);
  const leases = new Leases(servers, channels.messages);
  const ticking = setInterval(tick, tickMs).unref();
  const listeners: ((selection: PurgeSelection) => void)[] = [];
  /** The reads from Redis in progress. Simultaneous requests for a key share one. */
  const reads = new Map<string, Promise<CacheEntry | undefined>>();

  function tick(): void {
    servers.tick();
    subscription.tick();
    void purges.tick();
  }

  function onMessage(message: StoreMessage): void {
    if ('ended' in message) leases.ended(message.ended);
    else if ('replaced' in message) {
      if (message.by !== id) localStore.purge({ key: message.replaced });
    } else if ('confirmed' in message) purges.confirmed(message.confirmed);
    else void onPurge(message);
  }

  async function onPurge(message: PurgeMessage): Promise<void> {
    if (message.by !== id) {
      fills.purge(message, true, performance.now());
      for (const listener of listeners) listener(message);
    }
    await localStore.purge(message);
    purges.confirm(message);
  }

  function onGap(): void {
    for (const listener of listeners) listener({ prefix: '' });
    localStore.purge({ prefix: '' });
  }

  async function read(key: string): Promise<CacheEntry | undefined> {
    const purgesBefore = localStore.purges;
    const sentAt = performance.now();
    const { names, commands } = servers.bucketOf(key);
    const keys = [names.entry + key, names.generations, names.purges];
    const reply = await commands.send(['EVAL', getEntry, '3', ...keys, names.tag, names.entry]);
    const entry = decodeEntry(reply, Date.now());
    if (entry === undefined) fills.start(key, performance.now());
    else fills.found(key, sentAt);
    if (entry && localStore.purges === purgesBefore) localStore.set(key, entry);
    return entry;
  }

  function readOnce(key: string): Promise<CacheEntry | undefined> {
    return getOrCreate(reads, key, () => read(key).finally(() => reads.delete(key)));
  }

  function get(key: string): CacheEntry | undefined | Promise<CacheEntry | undefined> {
    const entry = localStore.get(key);
    if (isPromise(entry)) return entry.then((found) => found ?? readOnce(key));
    if (entry) return entry;
    if (servers.bucketOf(key).commands.up) return readOnce(key);
    fills.start(key, performance.now());
    return undefined;
  }

  async function set(key: string, entry: CacheEntry): Promise<void> {
    const livesMs = Math.floor(entry.expiresAt - Date.now());
    const now = performance.now();
    const mayStore = fills.mayStore(key, entry.tags, now);
    fills.end(key, mayStore, now);
    if (!mayStore || !(livesMs > 0)) return;
    localStore.set(key, entry);
    const { names, commands } = servers.bucketOf(key);
    if (!commands.writable) return;
    const bytes = entry.body.length <= maxEntryBytes ? encodeEntry(entry) : undefined;
    if (bytes === undefined) {
      // An earlier entry of the key must no longer be served.
      commands.sendWithoutReply(['UNLINK', names.entry + key]);
      return;
    }
    const message = encodeMessage({ replaced: key, by: id });
    const keys = [names.entry + key, names.generations, names.purges];
    const token = randomBytes(tokenBytes);
    const first = String(randomInt(mostGenerations));
    const args = [names.tag, String(livesMs), token, first, channels.messages, message, bytes, ...entry.tags];
    await commands.write(['EVAL', setEntry, '3', ...keys, ...args], bytes.length);
  }

  return {
    get up() {
      return servers.up;
    },
    ready: () => servers.ready(),
    get,
    set,
    async purge(selection) {
      fills.purge(selection, false, performance.now());
      const here = await localStore.purge(selection);
      const report = await purges.purge(selection);
      // The local store may have received an entry from Redis between the two purges.
      await localStore.purge(selection);
      return report.reach === 'all' ? report : { ...here, ...report };
    },
    onPurge: (listener) => void listeners.push(listener),
    async lease(key, limitMs) {
      const end = await leases.lease(key, limitMs, fills.wasAbsent(key));
      if (end === undefined) return undefined;
      fills.start(key, performance.now());
      return () => {
        fills.abandon(key);
        end();
      };
    },
    close() {
      clearInterval(ticking);
      servers.close();
      subscription.close();
      leases.close();
      if (local && options.local === undefined) void local.close?.();
    },
  };
}
