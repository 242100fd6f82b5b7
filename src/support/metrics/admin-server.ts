import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { quote, warnOnce } from '../errors.js';
import { read } from '../serialize-error.js';
import { withTimeLimit } from '../time-limit.js';
import { withoutQuery } from '../url-path.js';
import { expose } from './exposition.js';
import type { MetricFamily } from './metric-family.js';

/** The port that OpenTelemetry's exporter uses, too. */
export const defaultMetricsPort = 9464;
export const defaultMetricsHost = '127.0.0.1';

/** Where metrics are served, and what collects them. The signal aborts when no scraper waits for the result. */
export interface MetricsEndpoint {
  readonly port: number;
  readonly host: string;
  collect(signal: AbortSignal): MetricFamily[] | Promise<MetricFamily[]>;
}

export interface MetricsServer {
  /** The address of `/metrics`; `undefined` while the port is not open. */
  readonly url: string | undefined;
  /** Closes the port and its connections. */
  close(): void;
}

const collectMs = 5000;
const retryMs = 2000;

/**
 * Serves `GET` and `HEAD` of `/metrics` on a port of its own, and nothing else. It does not keep the process alive. A
 * port that is taken results in one warning, and is tried again: a process that is being replaced releases it soon.
 */
export function serveMetrics({ port, host, collect }: MetricsEndpoint): MetricsServer {
  let retry: NodeJS.Timeout | undefined;
  let closed = false;
  const server = http.createServer({ headersTimeout: 5000, requestTimeout: 10_000 }, (req, res) => {
    respond(req, res, collect);
  });
  server.keepAliveTimeout = 65_000;
  server.maxConnections = 32;
  server.on('connection', (socket) => socket.unref());
  server.on('error', (error) => {
    warnOfPort(error, host, port);
    if (closed || server.listening) return;
    clearTimeout(retry);
    retry = setTimeout(listen, retryMs).unref();
  });
  server.unref();

  function listen(): void {
    // workers of another cluster would share the port, and a scraper would read one of them at random
    server.listen({ port, host, exclusive: true });
  }
  listen();

  return {
    get url() {
      const address = server.address() as AddressInfo | null;
      if (address === null) return undefined;
      const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
      return `http://${name}:${address.port}/metrics`;
    },
    close() {
      closed = true;
      clearTimeout(retry);
      server.close();
      server.closeAllConnections();
    },
  };
}

function respond(req: IncomingMessage, res: ServerResponse, collect: MetricsEndpoint['collect']): void {
  const { method, url = '', headers } = req;
  // the body of a request is never read
  if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) {
    res.setHeader('Connection', 'close');
  }
  if (withoutQuery(url) !== '/metrics' || (method !== 'GET' && method !== 'HEAD')) {
    res.writeHead(404, { 'Content-Length': 0 }).end();
    return;
  }
  respondWithMetrics(req, res, collect);
}

/** Collects metrics and sends them in the format that the scraper prefers. */
export function respondWithMetrics(
  req: IncomingMessage,
  res: ServerResponse,
  collect: MetricsEndpoint['collect'],
): void {
  sendMetrics(req, res, collect).catch((error) => fail(res, error));
}

async function sendMetrics(
  req: IncomingMessage,
  res: ServerResponse,
  collect: MetricsEndpoint['collect'],
): Promise<void> {
  const abort = new AbortController();
  res.once('close', () => abort.abort());
  const late = (): undefined => abort.abort() as undefined;
  const work = Promise.resolve(collect(abort.signal));
  const families = await withTimeLimit(work, collectMs, late, { ref: false });
  if (res.headersSent || res.destroyed) return;
  if (families === undefined) throw new Error(`not collected within ${collectMs} ms`);
  const { contentType, body } = expose(families, req.headers.accept);
  res.writeHead(200, {
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    Vary: 'Accept',
  });
  res.end(req.method === 'HEAD' ? undefined : body);
}

/** Responds with 503 where metrics cannot be collected, so that the scraper reports its target as down. */
function fail(res: ServerResponse, error: unknown): void {
  warnOnce('ERR_PRODUCTIONIZE_METRICS', `Metrics cannot be collected: ${quote(error)}.`, 'collect');
  if (res.headersSent) res.destroy();
  else res.writeHead(503, { 'Content-Length': 0 }).end();
}

function warnOfPort(error: unknown, host: string, port: number): void {
  const reason = read(error, 'code') === 'EADDRINUSE' ? 'the port is taken' : quote(error);
  warnOnce(
    'ERR_PRODUCTIONIZE_METRICS',
    `Metrics cannot be served on ${host}:${port}: ${reason}. It is tried again. The app runs without them.`,
    `${host}:${port}`,
  );
}
