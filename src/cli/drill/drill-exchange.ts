import http, { type IncomingMessage } from 'node:http';
import type { DrillContext } from './traffic.js';

/** Milliseconds without any data after which a client aborts. */
export const responseLimitMs = 30_000;

export interface Exchange {
  readonly req: http.ClientRequest;
  /** Resolves with the head of the response. */
  readonly head: Promise<IncomingMessage>;
}

/** Begins a request. The caller ends it. */
export function begin({ target, end, prepare }: DrillContext, options: http.RequestOptions): Exchange {
  const req = http.request({ agent: false, ...target, signal: end, ...(prepare?.(options) ?? options) });
  req.setTimeout(responseLimitMs, () => req.destroy(new Error(`no data for ${responseLimitMs / 1000} s`)));
  const head = new Promise<IncomingMessage>((resolve, reject) => {
    req.once('response', resolve);
    // after an early response to an upload, `error` may be emitted again
    req.on('error', reject);
  });
  return { req, head };
}

/** Sends a request without a body. Resolves with the head of its response. */
export function get(context: DrillContext, options: http.RequestOptions): Promise<IncomingMessage> {
  const { req, head } = begin(context, options);
  req.end();
  return head;
}

/** Reads a response to its end. Rejects when it is incomplete, or has an unexpected status of 500 or more. */
export async function readAll(res: IncomingMessage, expectedStatus: number): Promise<void> {
  const { statusCode = 0 } = res;
  await new Promise<void>((resolve, reject) => {
    res.on('error', reject);
    res.once('end', resolve);
    res.resume();
  });
  if (statusCode >= 500 && statusCode !== expectedStatus) throw new Error(`status ${statusCode}`);
}

/** Sends a request before any reload and resolves with the status of its response. */
export async function requestStatus(
  context: DrillContext,
  options: http.RequestOptions,
  body?: Buffer,
): Promise<number> {
  const { end } = context;
  const { req, head } = begin(context, options);
  req.end(body);
  try {
    const res = await head;
    const { statusCode = 0 } = res;
    await readAll(res, statusCode);
    return statusCode;
  } catch (error) {
    const { method = 'GET', path } = options;
    const why = end.aborted ? 'the time limit was reached' : (error as Error).message;
    throw new Error(`${method} ${path} got no response over HTTP: ${why}`);
  }
}
