import { isPromise } from '../support/is-promise.js';

/**
 * The parts of a client of the `redis` package, version 4, 5 or 6, that {@link redisStore} uses. The store connects
 * duplicates and does not use the client itself.
 */
export interface RedisStoreClient {
  readonly isReady: boolean;
  readonly options?: object | undefined;
  duplicate(overrides?: object): unknown;
  sendCommand(args: string[]): Promise<unknown>;
}

/** Options for replies as buffers: `returnBuffers` in version 4, the type mapping of bulk strings in 5 and 6. */
const inBytes = { returnBuffers: true, typeMapping: { 36: Buffer }, timeout: undefined };

export interface Connection {
  connect(): Promise<unknown>;
  sendCommand(args: readonly (string | Buffer)[], options?: typeof inBytes): Promise<unknown>;
  subscribe(channels: readonly string[], listener: (message: string) => void): Promise<unknown>;
  unref(): void;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  /** Versions 5 and 6. */
  destroy?(): unknown;
  /** Version 4. */
  disconnect?(): Promise<unknown>;
}

/**
 * Creates a connection that has no offline queue and does not reconnect. A client that waits to reconnect keeps the
 * process running.
 */
export function duplicateOf(client: RedisStoreClient): Connection {
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

/** Ends a connection in any state. */
export function end(connection: Connection): void {
  try {
    const ended = connection.destroy ? connection.destroy() : connection.disconnect?.();
    if (isPromise(ended)) ended.catch(() => {});
  } catch {
    // The connection was already closed.
  }
}

/** The check of the option `client`: a client that can be duplicated. */
export function isRedisClient(value: unknown): string | undefined {
  const { duplicate, sendCommand, isReady } = Object(value) as Partial<RedisStoreClient>;
  const good =
    typeof duplicate === 'function' &&
    typeof isReady === 'boolean' &&
    // The `sendCommand` function of a cluster or a sentinel has more parameters.
    typeof sendCommand === 'function' &&
    sendCommand.length <= 2;
  return good
    ? undefined
    : 'a client made by createClient of the `redis` package, 4.5 or newer (no cluster, pool or sentinel)';
}
