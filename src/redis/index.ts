import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type {
  CacheEntry,
  CacheStore,
  PurgeReport,
  PurgeSelection,
} from '../middleware/response-cache/cache-store.js';
import { memoryStore } from '../middleware/response-cache/memory-store.js';
import { ProductionizeError } from '../support/errors.js';
import { isPromise } from '../support/is-promise.js';
import { type Check, checkOptions, hasMethods, isInteger, isString } from '../support/options.js';
import { isPartLogger, type PartLogger } from '../support/part-logger.js';
import { isRedisClient, type RedisStoreClient } from './client.js';
import { RedisCommands } from './commands.js';
import { decodeEntry, encodeEntry, tokenBytes } from './entry-format.js';
import { keyNames } from './key-names.js';
import { Leases } from './leases.js';
import { LocalStore } from './local-store.js';
import { PendingFills } from './pending-fills.js';
import { Purges } from './purges.js';
import { getEntry, setEntry } from './scripts.js';
import { reporter } from './store-events.js';
import { encodeMessage, type StoreMessage } from './store-messages.js';
import { Subscription } from './subscription.js';

export type { CacheEntry, CacheStore, PartLogger, PurgeReport, PurgeSelection, RedisStoreClient };

/** Options of {@link redisStore}. */
export interface RedisStoreOptions {
  /**
   * A client of the `redis` package, version 4, 5 or 6. The store connects two duplicates of it, with its options; the
   * client itself is left as it is, and need not be connected.
   */
  readonly client: RedisStoreClient;
  /**
   * What the names of all keys and of the channel begin with; apps that share a Redis and not their responses take
   * different ones.
   * @default 'express-productionize:'
   */
  readonly prefix?: string;
  /**
   * Milliseconds that an operation waits for Redis at most; afterwards the store goes on without it.
   * @default 50
   */
  readonly timeoutMs?: number;
  /**
   * Entries whose body is larger than this many bytes are not sent to Redis.
   * @default 1 MiB
   */
  readonly maxEntryBytes?: number;
  /**
   * The store in this process that is asked first, `false` for none. What is purged anywhere is gone from it within a
   * second.
   * @default memoryStore({ maxBytes: 16 MiB })
   */
  readonly local?: CacheStore | false;
  /**
   * Where it is logged, once per change, that Redis is lost or too slow and not used (`redis` is `down`), that it is used
   * again (`up`), that it refuses to store anything, as when its memory is full (`read-only`), and that it stores again
   * (`writable`); with the `reason`, or with `afterMs`, how many milliseconds that lasted.
   * @default a warning of the process
   */
  readonly logger?: PartLogger;
}

/** What {@link redisStore} returns. */
export interface RedisStore extends CacheStore {
  /** Whether Redis is used at the moment. */
  readonly up: boolean;
  /** Resolves as soon as it is known whether Redis can be used, to whether it can. */
  ready(): Promise<boolean>;
  lease(key: string, limitMs: number): Promise<(() => void) | undefined>;
  purge(selection: PurgeSelection): Promise<PurgeReport>;
  close(): void;
}

const tickMs = 250;

const isStore: Check = (value) =>
  value === false ? undefined : hasMethods('a CacheStore, or false', 'get')(value);

function resolveRedisStore(options: RedisStoreOptions) {
  if (typeof options === 'string' || isRedisClient(options) === undefined) {
    // an address may hold a password: it is not repeated
    const got = typeof options === 'string' ? 'a string' : 'the client itself';
    const usage = typeof options === 'string' ? '{ client: createClient({ url }) }' : '{ client }';
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_OPTION',
      `redisStore: got ${got}. Pass a client of the \`redis\` package by name: redisStore(${usage}).`,
    );
  }
  // without a client there is no store
  const given = { ...options, client: options?.client ?? null } as RedisStoreOptions;
  return checkOptions('redisStore', given, {
    client: isRedisClient,
    prefix: isString,
    timeoutMs: isInteger('milliseconds', 1, 60_000),
    maxEntryBytes: isInteger('bytes', 1),
    local: isStore,
    logger: isPartLogger,
  }) as RedisStoreOptions;
}

/**
 * A store of responses that processes and hosts share through Redis, 5 or newer, for {@link responseCache}. In front
 * of it stands a store in this process, so that a response in demand costs no round trip. Purges by key, prefix and
 * tag reach all processes within a second; of all processes one fills a key while the others wait.
 *
 * No request fails for want of Redis, and none waits longer for it than `timeoutMs`. When the connection is lost, or
 * nothing comes in time, Redis is not used until it replies to a probe; meanwhile responses are stored for a second
 * in this process. What was purged meanwhile is purged again afterwards.
 *
 * A Redis Cluster is not supported: tags and entries are read together.
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
  const names = keyNames(prefix);
  const id = randomBytes(9).toString('base64');
  const commands = new RedisCommands(client, {
    timeoutMs,
    probeKey: `${prefix}probe`,
    report: reporter(logger),
  });
  const subscription = new Subscription(client, names.channel, { onMessage, onGap });
  const localStore = new LocalStore(local, subscription);
  const fills = new PendingFills();
  const purges = new Purges(commands, names, id);
  const leases = new Leases(commands, names);
  const ticking = setInterval(tick, tickMs).unref();
  /** Entries that are being read from Redis, so that a key in demand is read once at a time. */
  const reads = new Map<string, Promise<CacheEntry | undefined>>();

  function tick(): void {
    commands.tick();
    subscription.tick();
  }

  function onMessage(message: StoreMessage): void {
    if ('ended' in message) leases.ended(message.ended);
    else if ('replaced' in message) {
      if (message.by !== id) localStore.purge({ key: message.replaced });
    } else {
      if (message.by !== id) fills.purge(message, true, performance.now());
      localStore.purge(message);
    }
  }

  function onGap(): void {
    localStore.purge({ prefix: '' });
  }

  async function read(key: string): Promise<CacheEntry | undefined> {
    const purgesBefore = localStore.purges;
    const sentAt = performance.now();
    const reply = await commands.send(['EVAL', getEntry, '1', names.entry + key, names.tag]);
    const entry = decodeEntry(reply, Date.now());
    if (entry === undefined) fills.start(key, performance.now());
    else fills.found(key, sentAt);
    if (entry && localStore.purges === purgesBefore) localStore.set(key, entry);
    return entry;
  }

  function readOnce(key: string): Promise<CacheEntry | undefined> {
    const pending = reads.get(key);
    if (pending) return pending;
    const entry = read(key).finally(() => reads.delete(key));
    reads.set(key, entry);
    return entry;
  }

  function get(key: string): CacheEntry | undefined | Promise<CacheEntry | undefined> {
    const entry = localStore.get(key);
    if (isPromise(entry)) return entry.then((found) => found ?? readOnce(key));
    if (entry) return entry;
    if (commands.up) return readOnce(key);
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
    if (!commands.writable) return;
    const bytes = entry.body.length <= maxEntryBytes ? encodeEntry(entry) : undefined;
    if (bytes === undefined) {
      // the entry before it must not be served in its place
      commands.sendWithoutReply(['UNLINK', names.entry + key]);
      return;
    }
    const message = encodeMessage({ replaced: key, by: id });
    const token = randomBytes(tokenBytes);
    const args = [names.tag, String(livesMs), token, names.channel, message, bytes, ...entry.tags];
    await commands.write(['EVAL', setEntry, '1', names.entry + key, ...args], bytes.length);
  }

  return {
    get up() {
      return commands.up;
    },
    ready: () => commands.ready(),
    get,
    set,
    async purge(selection) {
      fills.purge(selection, false, performance.now());
      const here = await localStore.purge(selection);
      const report = await purges.purge(selection);
      // an entry may have come from Redis between the two
      await localStore.purge(selection);
      return report.reach === 'all' ? report : { ...here, ...report };
    },
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
      commands.close();
      subscription.close();
      leases.close();
      if (local && options.local === undefined) void local.close?.();
    },
  };
}
