import http, { type IncomingMessage } from 'node:http';
import type { Scene } from './traffic.js';

/** A client that heard nothing for so many milliseconds gives up. */
export const patienceMs = 30_000;

/** A request that is sent, and what came of it. */
export interface Exchange {
  readonly req: http.ClientRequest;
  /** Resolves with the head of the answer. */
  readonly head: Promise<IncomingMessage>;
}

/** Begins a request; the caller ends it. */
export function begin({ target, end }: Scene, options: http.RequestOptions): Exchange {
  const req = http.request({ agent: false, ...target, signal: end, ...options });
  req.setTimeout(patienceMs, () => req.destroy(new Error(`silence for ${patienceMs / 1000} s`)));
  const head = new Promise<IncomingMessage>((resolve, reject) => {
    req.once('response', resolve);
    // it may come once more after the answer: an upload that was answered early
    req.on('error', reject);
  });
  return { req, head };
}

/** Reads an answer to its end. Rejects when it was cut, or is an error that the app does not give by itself. */
export async function readAll(res: IncomingMessage, usual: number): Promise<void> {
  const { statusCode = 0 } = res;
  await new Promise<void>((resolve, reject) => {
    res.on('error', reject);
    res.once('end', resolve);
    res.resume();
  });
  if (statusCode >= 500 && statusCode !== usual) throw new Error(`status ${statusCode}`);
}

/** Resolves with the status that the app gives while nothing happens to it. */
export async function usualStatus(
  scene: Scene,
  options: http.RequestOptions,
  body?: Buffer,
): Promise<number> {
  const { end } = scene;
  const { req, head } = begin(scene, options);
  req.end(body);
  try {
    const res = await head;
    const { statusCode = 0 } = res;
    await readAll(res, statusCode);
    return statusCode;
  } catch (error) {
    const { method = 'GET', path } = options;
    const why = end.aborted ? 'the time was up' : (error as Error).message;
    throw new Error(`${method} ${path} got no answer over HTTP: ${why}`);
  }
}
