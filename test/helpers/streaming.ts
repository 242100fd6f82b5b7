import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import net from 'node:net';
import { Readable } from 'node:stream';
import { errorHandler } from '../../src/index.js';
import { protectPipes } from '../../src/middleware/stream-errors/pipe-protection.js';
import type { Express, ExpressFactory } from './express-versions.js';
import { silentLogger } from './part-logger.js';

export interface Guarded {
  readonly app: Express;
  /** Errors that reached the error handler. */
  readonly errors: unknown[];
}

/** An app whose pipes are guarded, as the composer guards them. */
export function guarded(express: ExpressFactory, routes: (app: Express) => void): Guarded {
  const app = express();
  app.set('env', 'production');
  const errors: unknown[] = [];
  const handle = errorHandler({ logger: silentLogger });
  app.use(function protect(_req, res, next) {
    protectPipes(res);
    next();
  });
  routes(app);
  app.use(((error, req, res, next) => {
    errors.push(error);
    handle(error, req, res, next);
  }) as import('express').ErrorRequestHandler);
  return { app, errors };
}

/** A source without end that counts how often it was read. */
export function endless(): Readable & { reads: number } {
  const source = Object.assign(
    new Readable({
      read() {
        source.reads += 1;
        this.push(Buffer.alloc(16_384, 'x'));
      },
    }),
    { reads: 0 },
  );
  return source;
}

/** A source that fails after so many chunks. */
export function failing(chunks: number, error: Error = new Error('source failed')): Readable {
  let left = chunks;
  return new Readable({
    read() {
      if (left-- > 0) this.push(`chunk ${left}\n`);
      // the chunks before it reach the client first
      else setImmediate(() => this.destroy(error));
    },
  });
}

/** Reads the beginning of an answer, then leaves. */
export async function readAndLeave(port: number, path: string): Promise<void> {
  const client = net.connect(port, '127.0.0.1');
  client.on('error', () => {});
  client.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await once(client, 'data');
  client.destroy();
}

export function closeOf(stream: Readable | ServerResponse): Promise<unknown> {
  return stream.closed ? Promise.resolve() : new Promise((resolve) => stream.once('close', resolve));
}
