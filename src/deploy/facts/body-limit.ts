import { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Recorded } from './recorded-modules.js';

/** The largest limit of the body parsers of the app, in bytes; `null` where one has no limit, or there is none. */
export async function bodyLimit({ parsers, readsUploads }: Recorded): Promise<number | null> {
  const limits = await Promise.all(parsers.map(limitOf));
  return readsUploads || limits.length === 0 || limits.some((limit) => !Number.isSafeInteger(limit))
    ? null
    : Math.max(...(limits as number[]));
}

/**
 * Creates the same parser for every type of body, without functions of the app, and passes it a request that declares
 * an enormous body: its error contains the limit.
 */
export function limitOf({ factory, options }: Recorded['parsers'][number]): Promise<unknown> {
  return new Promise((resolve) => {
    try {
      const parser = factory({ ...options, type: () => true, verify: undefined }) as Handler;
      const req = new IncomingMessage(new Duplex({ read() {}, write() {} }) as Socket);
      req.method = 'POST';
      req.headers['content-type'] = 'application/json';
      req.headers['content-length'] = String(Number.MAX_SAFE_INTEGER);
      req.complete = true;
      req.push(null);
      parser(req, new ServerResponse(req), (error) => resolve((Object(error) as { limit?: unknown }).limit));
    } catch {
      resolve(undefined);
    }
  });
}

type Handler = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void;
