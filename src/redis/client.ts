import { isPromise } from '../support/is-promise.js';

/**
 * The parts of a client of the `redis` package, version 4, 5 or 6, that {@link redisStore} uses. It is a client of
 * `createClient`, `createCluster`, `createClientPool` or `createSentinel`. The app connects the last two.
 */
export type RedisStoreClient =
  | {
      readonly isReady: boolean;
      readonly options?: object | undefined;
      duplicate(overrides?: object): unknown;
      sendCommand(args: string[]): Promise<unknown>;
    }
  | {
      readonly masters: readonly unknown[];
      duplicate(overrides?: object): unknown;
      nodeClient(node: never): unknown;
    }
  | {
      readonly isOpen: boolean;
      readonly totalClients: number;
      execute(task: never): Promise<unknown>;
    }
  | {
      readonly isOpen: boolean;
      getSentinelNode(): unknown;
      _execute(isReadonly: boolean | undefined, task: never): Promise<unknown>;
    };

type SingleClient = Extract<RedisStoreClient, { sendCommand: unknown }>;
type ClientPool = Extract<RedisStoreClient, { totalClients: unknown }>;
type SentinelClient = Extract<RedisStoreClient, { getSentinelNode: unknown }>;
export type ClusterClient = Extract<RedisStoreClient, { nodeClient: unknown }>;
export type ServerClient = Exclude<RedisStoreClient, ClusterClient>;

/** A client of one server, of which the store connects duplicates. */
export interface Template {
  readonly options?: object | undefined;
  duplicate(overrides?: object): unknown;
}

/** Options for replies as buffers: `returnBuffers` in version 4, the type mapping of bulk strings in 5 and 6. */
const inBytes = { returnBuffers: true, typeMapping: { 36: Buffer }, timeout: undefined };

export interface Connection extends Endable {
  connect(): Promise<unknown>;
  sendCommand(args: readonly (string | Buffer)[], options?: typeof inBytes): Promise<unknown>;
  subscribe(channels: readonly string[], listener: (message: string) => void): Promise<unknown>;
  unref(): void;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
}

/**
 * Creates a connection that has no offline queue and does not reconnect. A client that waits to reconnect keeps the
 * process running.
 */
export function duplicateOf(client: Template): Connection {
  const { socket } = (client.options ?? {}) as { socket?: object };
  const connection = client.duplicate({
    socket: { ...socket, reconnectStrategy: false },
    disableOfflineQueue: true,
    commandsQueueMaxLength: undefined,
    // These options apply only to the client of the app.
    pingInterval: undefined,
    clientSideCache: undefined,
    emitInvalidate: undefined,
    legacyMode: undefined,
  }) as Connection;
  connection.unref();
  return connection;
}

/** Sends a command. This function rejects where version 4 of the client throws. */
export async function send(connection: Connection, args: readonly (string | Buffer)[]): Promise<unknown> {
  return connection.sendCommand(args, inBytes);
}

/** What can be ended, in versions 5 and 6, and in version 4. */
export interface Endable {
  destroy?(): unknown;
  disconnect?(): unknown;
}

/** Ends a connection in any state. */
export function end(connection: Endable): void {
  try {
    const ended = connection.destroy ? connection.destroy() : connection.disconnect?.();
    if (isPromise(ended)) ended.catch(() => {});
  } catch {
    // The connection was already closed.
  }
}

function hasAll(value: unknown, ...names: readonly string[]): boolean {
  return names.every((name) => typeof Object(value)[name] === 'function');
}

export function isPool(client: unknown): client is ClientPool {
  return hasAll(client, 'execute') && typeof (client as ClientPool).totalClients === 'number';
}

export function isCluster(client: unknown): client is ClusterClient {
  return hasAll(client, 'duplicate', 'nodeClient');
}

export function isSentinel(client: unknown): client is SentinelClient {
  return hasAll(client, 'getSentinelNode', '_execute');
}

function isSingle(client: unknown): client is SingleClient {
  return hasAll(client, 'duplicate', 'sendCommand') && typeof (client as SingleClient).isReady === 'boolean';
}

/** The check of the option `client`. */
export function isRedisClient(value: unknown): string | undefined {
  return [isPool, isCluster, isSentinel, isSingle].some((is) => is(value))
    ? undefined
    : 'a client of the `redis` package, 4.5 or newer: of createClient, createClientPool, createCluster or createSentinel';
}
