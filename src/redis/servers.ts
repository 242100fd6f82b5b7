import { type Bucket, keyNames } from './bucket.js';
import type { ServerClient } from './client.js';
import { RedisCommands } from './redis-commands.js';
import { getEntry } from './scripts.js';
import type { RedisStoreEvent } from './store-events.js';
import { type TemplateSource, templateSource } from './templates.js';

/** What the store uses of Redis: one server, or the masters of a cluster. */
export interface Servers {
  /** All buckets. The server of the first one publishes the messages. */
  readonly buckets: readonly [Bucket, ...Bucket[]];
  bucketOf(key: string): Bucket;
  /** The buckets that can contain keys with this prefix. */
  bucketsOf(prefix: string): readonly Bucket[];
  /** Returns the client whose duplicate subscribes. */
  readonly publisher: TemplateSource;
  /** Whether a server is used. */
  readonly up: boolean;
  /** Resolves when the first connection attempt has succeeded (true) or failed (false). */
  ready(): Promise<boolean>;
  /** Called periodically. */
  tick(): void;
  close(): void;
}

export interface ServerSettings {
  /** The prefix of all keys. */
  readonly prefix: string;
  /** The maximum wait for a reply in milliseconds. */
  readonly timeoutMs: number;
  readonly report: (event: RedisStoreEvent) => void;
  /** Called when a server can no longer be used. */
  readonly onDown: () => void;
  /** Called when another server publishes the messages. */
  readonly onPublisherChange: () => void;
}

/** The command that is sent to find out whether a server replies, and whether it permits scripts. */
export function probeOf(bucket: Pick<Bucket, 'names'>): readonly string[] {
  const { entry, generations, purges, tag } = bucket.names;
  return ['EVAL', getEntry, '3', `${entry}probe`, generations, purges, tag, entry];
}

/** One server, or the master that sentinels select. */
export function singleServer(
  client: ServerClient,
  { prefix, timeoutMs, report, onDown }: ServerSettings,
): Servers {
  const names = keyNames(prefix);
  const publisher = templateSource(client);
  const commands = new RedisCommands(publisher, { timeoutMs, probe: probeOf({ names }), report });
  commands.on('down', onDown);
  const bucket: Bucket = { names, commands };
  return {
    publisher,
    buckets: [bucket],
    bucketOf: () => bucket,
    bucketsOf: () => [bucket],
    get up() {
      return commands.up;
    },
    ready: () => commands.ready(),
    tick: () => commands.tick(),
    close: () => commands.close(),
  };
}
