import { withTimeLimit } from '../support/time-limit.js';
import { type Endable, end, isPool, isSentinel, type ServerClient, type Template } from './client.js';

/** Returns the client whose duplicate is connected next. It is called for each attempt to connect. */
export type TemplateSource = () => Template | Promise<Template>;

/** The time limit for the search of masters. */
const searchLimitMs = 3000;
const late = Symbol('late');

/** A copy of a client of several servers, which is connected for a short time to find the masters. */
export interface Search extends Endable {
  connect(): Promise<unknown>;
  on(event: 'error', listener: () => void): unknown;
}

/** Connects a copy of a client, passes it to `find`, and ends it. Rejects after three seconds. */
export async function search<Copy extends Search, Result>(
  copy: Copy,
  find: (copy: Copy) => Promise<Result>,
): Promise<Result> {
  copy.on('error', () => {});
  try {
    const found = copy.connect().then(() => find(copy));
    found.catch(() => {});
    const result = await withTimeLimit(found, searchLimitMs, () => late, { ref: false });
    if (result === late) throw new Error(`no master found in ${searchLimitMs} ms`);
    return result as Result;
  } finally {
    end(copy);
  }
}

/**
 * The store duplicates the clients of a pool or a sentinel, because their options are not public. A sentinel passes the
 * current master to the task, so that the store follows a failover.
 */
export function templateSource(client: ServerClient): TemplateSource {
  if (!isPool(client) && !isSentinel(client)) return () => client;
  return async () => {
    if (!client.isOpen) throw new Error('the app has not connected the pool or the client of sentinels');
    return (isPool(client) ? client.execute(itself) : client._execute(false, itself)) as Promise<Template>;
  };
}

const itself = ((client: unknown) => client) as never;
