import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type MetricsServer, serveMetrics } from '../../../src/support/metrics/admin-server.js';
import type { MetricFamily } from '../../../src/support/metrics/metric-family.js';
import { closeAll, get, raw, serve } from '../../helpers/serve.js';

const up: MetricFamily[] = [
  { name: 'up', help: 'Up.', type: 'gauge', aggregation: 'sum', samples: [{ labels: {}, value: 1 }] },
];
const open: MetricsServer[] = [];

afterEach(async () => {
  jest.restoreAllMocks();
  for (const server of open.splice(0)) server.close();
  await closeAll();
});

async function start(
  collect: () => MetricFamily[] | Promise<MetricFamily[]> = () => up,
  host = '127.0.0.1',
  port = 0,
): Promise<string> {
  const server = serveMetrics({ port, host, collect });
  open.push(server);
  return urlOf(server);
}

async function urlOf(server: MetricsServer): Promise<string> {
  while (server.url === undefined) await new Promise(setImmediate);
  return server.url;
}

it('responds to GET and HEAD of /metrics, with a query, too', async () => {
  const url = await start();
  const { status, headers, text } = await get(`${url}?name=up`);
  expect({ status, text }).toEqual({ status: 200, text: '# HELP up Up.\n# TYPE up gauge\nup 1\n' });
  expect(headers).toMatchObject({ 'cache-control': 'no-store', 'content-length': String(text.length) });
  const head = await get(url, { method: 'HEAD' });
  expect(head).toMatchObject({ status: 200, text: '' });
  expect(head.headers['content-length']).toBe(headers['content-length']);
});

it('responds with 404 to each other path and method', async () => {
  const url = await start();
  const { origin, port } = new URL(url);
  for (const path of ['/', '/metrics/', '/Metrics', '//metrics', '/livez']) {
    expect((await get(origin + path)).status).toBe(404);
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    expect((await get(url, { method })).status).toBe(404);
  }
  const target = await raw(
    Number(port),
    'GET http://other/metrics HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n',
  );
  expect(target).toMatch(/^HTTP\/1.1 404 /);
});

it('closes the connection of a request with a body, which it does not read', async () => {
  const { port } = new URL(await start());
  const answer = await raw(
    Number(port),
    'POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\nx',
  );
  expect(answer).toMatch(/^HTTP\/1.1 404 .*Connection: close/s);
});

it('is not reachable at another address of the machine', async () => {
  const { port } = new URL(await start());
  const other = Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.family === 'IPv4' && !each.internal)?.address;
  // each Linux has the whole network 127/8 on its loopback interface
  const socket = net.connect(Number(port), other ?? '127.0.0.2');
  const [error] = await once(socket, 'error');
  expect(error).toMatchObject({ code: 'ECONNREFUSED' });
});

it('responds with 503 and one warning where metrics cannot be collected, and goes on', async () => {
  const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation();
  let calls = 0;
  const url = await start(() => {
    calls += 1;
    if (calls < 3) throw new Error(`failure ${calls}`);
    return up;
  });
  expect((await get(url)).status).toBe(503);
  expect((await get(url)).status).toBe(503);
  expect((await get(url)).status).toBe(200);
  expect(emitWarning.mock.calls.map(([text]) => text)).toEqual([expect.stringContaining('failure 1')]);
});

it('aborts the signal when the scraper disconnects', async () => {
  let signal: AbortSignal | undefined;
  const called = new Promise<void>((resolve) => {
    const server = serveMetrics({
      port: 0,
      host: '127.0.0.1',
      collect(given) {
        signal = given;
        resolve();
        return new Promise(() => {});
      },
    });
    open.push(server);
  });
  const req = http.get(await urlOf(open[0] as MetricsServer)).on('error', () => {});
  await called;
  const aborted = once(signal as AbortSignal, 'abort');
  req.destroy();
  await aborted;
});

it('warns once of a taken port, and opens it when it is free', async () => {
  const holder = await serve((_req, res) => res.end());
  const { port } = holder.server.address() as AddressInfo;
  const warned = new Promise<unknown[]>((resolve) => {
    jest.spyOn(process, 'emitWarning').mockImplementation((...args) => resolve(args));
  });
  const server = serveMetrics({ port, host: '127.0.0.1', collect: () => up });
  open.push(server);
  const [text, details] = await warned;
  expect(details).toMatchObject({ code: 'ERR_PRODUCTIONIZE_METRICS' });
  expect(text).toContain(`127.0.0.1:${port}: the port is taken`);
  expect(server.url).toBeUndefined();
  await holder.close();
  expect((await get(await urlOf(server))).status).toBe(200);
});
