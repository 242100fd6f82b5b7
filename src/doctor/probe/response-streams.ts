import { readdirSync, readlinkSync } from 'node:fs';
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { attempt } from '../../support/attempt.js';
import type { AnyFunction } from '../../support/express-layers.js';
import { wrapMethod } from '../../support/replace-method.js';

/** What happens to a stream that a handler pipes into its response. */
export type StreamFault = 'none' | 'abort' | 'failure';

/** Observes the streams that are piped into responses, and lets them or their clients fail on request. */
export class ResponseStreams {
  fault: StreamFault = 'none';
  /** The URLs of GET requests whose response was piped. */
  readonly urls = new Set<string>();

  constructor() {
    const onPipe = (res: ServerResponse, source: Readable): void => this.#onPipe(res, source);
    wrapMethod(ServerResponse.prototype, 'emit', (original: AnyFunction): AnyFunction => {
      return function emit(this: ServerResponse, ...args: unknown[]) {
        if (args[0] === 'pipe') onPipe(this, args[1] as Readable);
        return original.apply(this, args);
      };
    });
  }

  #onPipe(res: ServerResponse, source: Readable): void {
    const { method, url, originalUrl } = res.req as IncomingMessage & { originalUrl?: string };
    if (method === 'GET' && url !== undefined) this.urls.add(originalUrl ?? url);
    // the handler adds its listeners first, and no file is open so early
    if (this.fault === 'abort') process.nextTick(() => res.req.socket.destroy());
    if (this.fault === 'failure') {
      process.nextTick(() => source.destroy(new Error('a stream that fails, destroyed by the doctor')));
    }
  }
}

/** How often each file is open in this process; `null` where the system does not show it. */
export function openFiles(): Readonly<Record<string, number>> | null {
  const directory = '/proc/self/fd';
  const descriptors = attempt(() => readdirSync(directory), null);
  if (descriptors === null) return null;
  const counts: Record<string, number> = {};
  for (const descriptor of descriptors) {
    const file = attempt(() => readlinkSync(`${directory}/${descriptor}`), '');
    if (/^\/(?!dev\/|proc\/)/.test(file)) counts[file] = (counts[file] ?? 0) + 1;
  }
  return counts;
}
