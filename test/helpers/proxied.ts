import { once } from 'node:events';
import WebSocket from 'ws';
import type { Instances } from './behind-proxy.js';
import { get } from './serve.js';

/** What any proxy in front of `behind-proxy.mjs` must do. `url` is that of the proxy. */

/** The address, protocol and host are those of the connection, whatever the client states. */
export async function expectOwnAddress(url: string): Promise<void> {
  const headers = {
    host: 'shop.test',
    'x-forwarded-for': '6.6.6.6',
    'x-forwarded-host': 'evil.test',
    'x-forwarded-proto': 'https',
    forwarded: 'for=6.6.6.6',
    'x-forwarded-prefix': '/evil',
    upgrade: 'h2c',
    connection: 'upgrade',
  };
  const seen = JSON.parse((await get(`${url}/api/seen`, { headers })).text);
  expect(seen).toMatchObject({ ip: '127.0.0.1', protocol: 'http', host: 'shop.test' });
  expect(JSON.stringify(seen)).not.toMatch(/6\.6\.6\.6|evil|h2c/);
}

/** Behind a balancer, the address and the protocol that it states are used. */
export async function expectStatedAddress(url: string): Promise<void> {
  const headers = { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https' };
  const seen = JSON.parse((await get(`${url}/api/seen`, { headers })).text);
  expect(seen.headers['x-forwarded-for']).toMatch(/^203\.0\.113\.7, ?127\.0\.0\.1$/);
  expect(seen.protocol).toBe('https');
}

/** A message returns over a WebSocket, and an event arrives before the stream ends. */
export async function expectMessages(url: string, { ports }: Instances): Promise<void> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/live`);
  await once(socket, 'open');
  socket.send('hello');
  const [message] = await once(socket, 'message');
  expect(String(message)).toMatch(/^\d+: hello$/);
  socket.terminate();

  const response = await fetch(`${url}/events`);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const read = async () => Buffer.from((await reader.read()).value ?? []).toString();
  expect(await read()).toBe('data: first\n\n');
  for (const port of ports) await get(`http://127.0.0.1:${port}/event`, { method: 'POST' });
  expect(await read()).toBe('data: second\n\n');
}

/** Each client returns to its instance. All clients have one address, so affinity by it selects one instance. */
export async function expectAffinity(url: string, affinity: 'ip' | 'cookie'): Promise<void> {
  const instances = new Set<number>();
  for (let client = 0; client < 12; client++) {
    const first = await get(`${url}/api/seen`);
    const cookie = first.headers['set-cookie']?.find((line) => line.startsWith('shop_instance='));
    const headers = { cookie: String(cookie?.split(';')[0]) };
    const pids = new Set<number>([JSON.parse(first.text).pid]);
    for (let n = 0; n < 4; n++) pids.add(JSON.parse((await get(`${url}/api/seen`, { headers })).text).pid);
    expect(pids.size).toBe(1);
    for (const pid of pids) instances.add(pid);
  }
  expect(instances.size).toBe(affinity === 'ip' ? 1 : 2);
}

/** A body that is larger than the limit of the app does not reach it. */
export async function expectBodyLimit(url: string, app: Instances): Promise<void> {
  const body = Buffer.alloc(102_401, 'x');
  const headers = { 'content-length': body.length };
  expect((await get(`${url}/orders/large`, { method: 'POST', headers, body })).status).toBe(413);
  expect(app.programs.flat().flatMap(({ err }) => err)).not.toContain('order large');
}

/** An error of the app is sent as it is. */
export async function expectErrorOfApp(url: string): Promise<void> {
  const failed = await get(`${url}/api/fails`);
  expect([failed.status, failed.text, failed.headers['retry-after']]).toEqual([
    503,
    '{"own":true}',
    undefined,
  ]);
}

/**
 * Without one instance the other one handles every request, and without any the proxy has a page with Retry-After.
 * `noticed` resolves when the proxy does not use the killed instance for requests that it must not repeat.
 */
export async function expectRouting(
  url: string,
  app: Instances,
  status: number,
  noticed: () => Promise<unknown> = async () => {},
): Promise<void> {
  const other = app.pids()[1];
  await app.kill(0);
  for (let n = 0; n < 10; n++) {
    expect(JSON.parse((await get(`${url}/api/seen`)).text).pid).toBe(other);
  }
  await noticed();
  for (let n = 0; n < 10; n++) {
    expect(JSON.parse((await get(`${url}/api/seen`, { method: 'POST' })).text).pid).toBe(other);
  }
  await app.kill(1);
  const none = await get(`${url}/api/seen`);
  expect([none.status, none.headers['retry-after'], none.headers['cache-control']]).toEqual([
    status,
    '5',
    'no-store',
  ]);
  expect(none.text).toContain('try again');
  await Promise.all([app.start(0), app.start(1)]);
}

/** A POST that an instance has begun to handle is not handled again when the instance dies. */
export async function expectOneRun(url: string, app: Instances, status: number): Promise<void> {
  for (const [name, body] of [
    ['crash', '{"item":1}'],
    ['crash-empty', ''],
  ] as const) {
    // connections that are open already are the ones on which a proxy may repeat a request
    for (let n = 0; n < 4; n++) await get(`${url}/api/seen`);
    const ends = [0, 1].map((index) =>
      app
        .current(index)
        .exit()
        .then(() => index),
    );
    const headers = { 'x-crash': '1', 'content-type': 'application/json', 'content-length': body.length };
    const response = await get(`${url}/orders/${name}`, { method: 'POST', headers, body });
    expect(response.status).toBe(status);
    await app.start(await Promise.race(ends));
    const handled = app.programs.flat().flatMap(({ err }) => err.filter((line) => line === `order ${name}`));
    expect(handled).toEqual([`order ${name}`]);
  }
}
