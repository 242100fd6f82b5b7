import { isPromise } from '../support/is-promise.js';
/**
 * What {@link redisStore} needs of a client of the `redis` package, version 4, 5 or 6, made by `createClient`. It is a
 * template: the store connects duplicates of its own, and leaves this client as it is.
 */
export interface RedisStoreClient {
  readonly isReady: boolean;
  readonly options?: object | undefined;
  duplicate(overrides?: object): unknown;
  sendCommand(args: string[]): Promise<unknown>;
}

/** Replies come as bytes: `returnBuffers` is version 4, the type mapping of bulk strings versions 5 and 6. */
const inBytes = { returnBuffers: true, typeMapping: { 36: Buffer }, timeout: undefined };

/** A duplicate of the client. */
export interface Connection {
  connect(): Promise<unknown>;
  sendCommand(args: readonly (string | Buffer)[], options?: typeof inBytes): Promise<unknown>;
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
  unref(): void;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  /** Versions 5 and 6. */
  destroy?(): unknown;
  /** Version 4. */
  disconnect?(): Promise<unknown>;
}

/**
 * A connection that queues nothing while it is offline, and that does not reconnect by itself: a client that waits to
 * do so keeps the process alive.
 */
export function duplicateOf(client: RedisStoreClient): Connection {
  const { socket } = (client.options ?? {}) as { socket?: object };
  const connection = client.duplicate({
    socket: { ...socket, reconnectStrategy: false },
    disableOfflineQueue: true,
    commandsQueueMaxLength: undefined,
    // what the user's own connection does on its own account
    pingInterval: undefined,
    clientSideCache: undefined,
    emitInvalidate: undefined,
    legacyMode: undefined,
  }) as Connection;
  connection.unref();
  return connection;
}

/** Version 4 throws where it should reject. */
export async function send(connection: Connection, args: readonly (string | Buffer)[]): Promise<unknown> {
  return connection.sendCommand(args, inBytes);
}

/** Ends a connection in any state. */
export function end(connection: Connection): void {
  try {
    const ended = connection.destroy ? connection.destroy() : connection.disconnect?.();
    if (isPromise(ended)) ended.catch(() => {});
  } catch {
    // it was closed already
  }
}

/** Why a value is no client to duplicate, if it is none. */
export function isRedisClient(value: unknown): string | undefined {
  const { duplicate, sendCommand, isReady } = Object(value) as Partial<RedisStoreClient>;
  const good =
    typeof duplicate === 'function' &&
    typeof isReady === 'boolean' &&
    // a cluster and a sentinel of clients take the key or the kind of access first
    typeof sendCommand === 'function' &&
    sendCommand.length <= 2;
  return good
    ? undefined
    : 'a client made by createClient of the `redis` package, 4.5 or newer (no cluster, pool or sentinel)';
}
