import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { WebSocket } from 'ws';
import { loadShedding, productionize, report, restore } from '../../../src/index.js';
import { shedLoad } from '../../../src/middleware/load-shedding/index.js';
import { AcceptQueue } from '../../../src/support/accept-queue.js';
import { createLifecycle } from '../../../src/support/lifecycle.js';
import { deferred } from '../../helpers/deferred.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { memoryLog, quiet } from '../../helpers/memory-log.js';
import { overload } from '../../helpers/overload.js';
import { killAll, type Program, run } from '../../helpers/program.js';
import { closeAll, get, serve } from '../../helpers/serve.js';

jest.setTimeout(60_000);

afterEach(async () => {
  killAll();
  await closeAll();
});

/** Decides soon, and from the start. */
const soon = { startupMs: 0, sustainedMs: 300 };

/** Waits, line by line, until what a program printed is as asked. */
async function printed(program: Program, complete: () => boolean): Promise<void> {
  while (!complete()) await once(program.child.stdout as NodeJS.ReadableStream, 'data');
}

const arrange = (expressName: string, options: object = soon, how = 'alone') =>
  run('overloaded.mjs', { args: [expressName, JSON.stringify(options), how] });

describe.each(['express4', 'express'])('loadShedding with %s', (expressName) => {
  it.each([
    ['E92', 'new', false],
    ['E93', 'keep-alive', true],
  ])('%s goes on answering, and answers every probe, under %s connections', async (_n, _kind, keepAlive) => {
    const program = arrange(expressName);
    const url = `http://127.0.0.1:${await program.port()}`;
    const load = overload(`${url}/work`, { keepAlive });
    await program.line(/"began"/);
    const served = load.count(200);
    for (let probe = 0; probe < 20; probe++) {
      expect(await get(`${url}/livez`)).toMatchObject({ status: 200, text: 'alive' });
    }
    const report = JSON.parse(await program.line(/"refused","count":[1-9]/));
    expect(report.refused[keepAlive ? 'delay' : 'queue']).toBeGreaterThan(0);
    await load.stop();
    expect(load.count(200)).toBeGreaterThan(served);
    expect(load.count(200) + load.count(503)).toBe(load.answers.length);
  });

  it('C66 E94 refuses with 503 and a jittered Retry-After, and counts every refusal by reason', async () => {
    const program = arrange(expressName);
    const load = overload(`http://127.0.0.1:${await program.port()}/work`);
    await program.line(/"refused","count":[1-9]/);
    await load.stop();
    const refusals = load.answers.filter(({ status }) => status === 503);
    const waits = new Set(refusals.map(({ headers }) => Number(headers['retry-after'])));
    expect([...waits].every((seconds) => seconds >= 2 && seconds <= 6)).toBe(true);
    expect(waits.size).toBeGreaterThan(1);
    expect(refusals[0]?.headers).toMatchObject({
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
    });
    expect(JSON.parse(refusals[0]?.text ?? '')).toMatchObject({ status: 503 });
    const reports = () => program.out.map((line) => JSON.parse(line));
    const counted = () => reports().reduce((sum, { count }) => sum + count, 0);
    await printed(program, () => counted() >= refusals.length);
    expect(counted()).toBe(refusals.length);
    const reasons = reports().flatMap(({ refused }) => Object.values<number>(refused));
    expect(reasons.reduce((sum, count) => sum + count, 0)).toBe(refusals.length);
  });

  it('C66 never refuses an upgrade', async () => {
    const program = arrange(expressName);
    const port = await program.port();
    const load = overload(`http://127.0.0.1:${port}/work`);
    await program.line(/"refused","count":[1-9]/);
    for (let socket = 0; socket < 10; socket++) {
      const client = new WebSocket(`ws://127.0.0.1:${port}/work`);
      const [message] = await once(client, 'message');
      expect(String(message)).toBe('open');
      client.terminate();
    }
    await load.stop();
    expect(load.count(503)).toBeGreaterThan(0);
  });

  it('C66 refuses nothing in the first seconds', async () => {
    const program = arrange(expressName, { ...soon, startupMs: 60_000 });
    const load = overload(`http://127.0.0.1:${await program.port()}/work`);
    // three times as long as it takes without the option
    const until = performance.now() + 3000;
    while (performance.now() < until) await get(`http://127.0.0.1:${await program.port()}/livez`);
    await load.stop();
    expect(load.count(200)).toBe(load.answers.length);
    expect(program.out).toEqual([]);
  });

  it('C66 refuses nothing for the sake of one task of 2 s', async () => {
    const program = arrange(expressName);
    const url = `http://127.0.0.1:${await program.port()}`;
    const statuses: Promise<number>[] = [];
    // about a third of what it can do, in new connections, before, during and after
    const began = performance.now();
    for (let n = 0; n < 20; n++) await get(`${url}/work`);
    const everyMs = Math.max(15, (3 * (performance.now() - began)) / 20);
    const enough = deferred();
    let left = Number.POSITIVE_INFINITY;
    const arrivals = setInterval(() => {
      statuses.push(get(`${url}/work`).then(({ status }) => status));
      left -= 1;
      if (left === 0) enough.resolve();
    }, everyMs);
    expect((await get(`${url}/long`)).status).toBe(200);
    left = 200;
    await enough.promise;
    clearInterval(arrivals);
    expect(new Set(await Promise.all(statuses))).toEqual(new Set([200]));
    expect(statuses.length).toBeGreaterThan(100);
    expect(program.out).toEqual([]);
  });

  it('E96 refuses low priority first, and `never` not at all', async () => {
    const program = arrange(expressName);
    const url = `http://127.0.0.1:${await program.port()}`;
    const low = overload(`${url}/work/low`, { clients: 50 });
    const high = overload(`${url}/work/high`, { clients: 1 });
    const never = overload(`${url}/work/never`, { clients: 1 });
    await program.line(/"refused","count":[1-9]/);
    await Promise.all([low.stop(), high.stop(), never.stop()]);
    expect(low.count(503)).toBeGreaterThan(0);
    expect(high.count(200)).toBeGreaterThan(0);
    expect(high.count(503)).toBe(0);
    expect(never.count(200)).toBe(never.answers.length);
  });

  it('E94 writes counts instead of a line per refused request when productionized', async () => {
    const program = arrange(expressName, soon, 'productionized');
    const load = overload(`http://127.0.0.1:${await program.port()}/work`);
    await program.line(/requests refused/);
    await load.stop();
    const lines = () => program.out.map((line) => JSON.parse(line));
    const counted = () => lines().reduce((sum, { shedding, count }) => sum + (shedding ? count : 0), 0);
    const logged = (status: number) => lines().filter((line) => line.status === status).length;
    await printed(program, () => counted() >= load.count(503) && logged(200) >= load.count(200));
    expect([counted(), logged(200), logged(503)]).toEqual([load.count(503), load.count(200), 0]);
  });

  it('sees what waits for a worker whose primary accepts', async () => {
    const program = arrange(expressName, soon, 'cluster');
    const load = overload(`http://127.0.0.1:${await program.port()}/work`, { clients: 100 });
    const report = JSON.parse(await program.line(/"refused","count":[1-9]/));
    expect(report.refused.queue).toBeGreaterThan(0);
    await load.stop();
    expect(load.count(200) + load.count(503)).toBe(load.answers.length);
  });
});

describe.each(expressVersions)('loadShedding on %s', (_name, express) => {
  it('admits everything while there is no load, and leaves nothing behind', async () => {
    const app = express();
    const shedder = loadShedding();
    app.use(shedder);
    app.get('/', (_req, res) => void res.send('ok'));
    const { url } = await serve(app);
    expect((await get(url)).text).toBe('ok');
    expect(shedder.since).toBeUndefined();
    expect(shedder.refused).toEqual({ queue: 0, delay: 0, utilization: 0, priority: 0 });
    shedder.uninstall();
    expect((await get(url)).text).toBe('ok');
  });

  it('is off in productionize unless asked for, and says why', async () => {
    const of = (app: ReturnType<typeof express>) =>
      report(app)?.parts.find(({ name }) => name === 'loadShedding');
    expect(of(productionize(express(), quiet()))).toMatchObject({
      state: 'off',
      reason: expect.stringContaining('off by default'),
    });
    expect(of(productionize(express(), { ...quiet(), loadShedding: true }))).toMatchObject({ state: 'on' });
    const log = memoryLog();
    const app = productionize(express(), { ...log.options, loadShedding: {} });
    app.get('/', (_req, res) => void res.send('ok'));
    const { url } = await serve(app);
    expect((await get(url)).status).toBe(200);
    await log.line(({ status }) => status === 200);
  });
});

describe.each(expressVersions)('priorities on %s', (_name, express) => {
  it('E96 are asked of a request as Express knows it, whatever server it came from', async () => {
    const events = new EventEmitter();
    const seen = new Set<string>();
    const app = productionize(express(), {
      ...quiet(),
      loadShedding: {
        ...soon,
        priority: (req) => {
          seen.add(`${req.path} ${req.get('host')?.split(':')[0]}`);
          return req.path === '/low' ? 'low' : 'high';
        },
        log: ({ event }) => void events.emit(event),
      },
    });
    app.get('/:priority', (_req, res) => {
      const until = performance.now() + 5;
      while (performance.now() < until);
      res.send('done');
    });
    const { url } = await serve(app);
    const refused = once(events, 'refused');
    const low = overload(`${url}/low?of=two`, { clients: 50 });
    const high = overload(`${url}/high?of=two`, { clients: 1 });
    await refused;
    await Promise.all([low.stop(), high.stop()]);
    expect([...seen].sort()).toEqual(['/high 127.0.0.1', '/low 127.0.0.1']);
    expect(low.count(503)).toBeGreaterThan(0);
    expect(high.count(503)).toBe(0);
    restore(app);
  });
});

describe('loadShedding', () => {
  it('E34 tells the lifecycle since when it sheds, and when it no longer does', async () => {
    const lifecycle = createLifecycle();
    const events = new EventEmitter();
    const before = performance.now();
    const gate = shedLoad(lifecycle, { ...soon, log: ({ event }) => void events.emit(event) });
    const { url, server } = await serve((req, res) => {
      if (gate.refuses(req, res)) return;
      const until = performance.now() + 5;
      while (performance.now() < until);
      res.end('done');
    });
    gate.watch(server);
    expect(lifecycle.shedding.since).toBeUndefined();
    const began = once(events, 'began');
    const load = overload(url);
    await began;
    expect(lifecycle.shedding.since).toBeGreaterThan(before);
    expect(lifecycle.shedding.since).toBeLessThanOrEqual(performance.now());
    await once(events, 'refused');
    await load.stop();
    while (lifecycle.shedding.since !== undefined) await once(events, 'ended');
    const { queue, delay, utilization, priority } = lifecycle.shedding.refused;
    expect(queue + delay + utilization + priority).toBe(load.count(503));
    gate.uninstall();
  });

  it('takes what a broken `priority` says for normal, and lives through a broken `log`', async () => {
    const broken = () => {
      throw new Error('broken');
    };
    const events = new EventEmitter();
    const lifecycle = createLifecycle();
    const log = ({ event }: { event: string }) => {
      events.emit(event);
      throw new Error('broken');
    };
    const gate = shedLoad(lifecycle, { ...soon, priority: broken, log });
    const { url, server } = await serve((req, res) => {
      if (gate.refuses(req, res)) return;
      const until = performance.now() + 5;
      while (performance.now() < until);
      res.end('done');
    });
    gate.watch(server);
    const refused = once(events, 'refused');
    const load = overload(url);
    await refused;
    await load.stop();
    expect(load.count(200) + load.count(503)).toBe(load.answers.length);
    gate.uninstall();
    expect(lifecycle.shedding.since).toBeUndefined();
  });

  it('goes by delay and utilization on a Unix socket', async () => {
    const gate = shedLoad(createLifecycle(), soon);
    const socketPath = path.join(tmpdir(), `shedding-load-${process.pid}.sock`);
    const server = http.createServer((req, res) => {
      if (gate.refuses(req, res)) return;
      const until = performance.now() + 5;
      while (performance.now() < until);
      res.end('done');
    });
    server.listen(socketPath);
    await once(server, 'listening');
    gate.watch(server);
    let refused = false;
    const client = async () => {
      while (!refused) refused = (await get('http://localhost/', { socketPath })).status === 503;
    };
    await Promise.all(Array.from({ length: 60 }, client));
    gate.uninstall();
    server.closeAllConnections();
    server.close();
  });

  it.each([
    [{ maxWaitMs: 0 }, /maxWaitMs.*whole number of milliseconds/],
    [{ sustainedMs: '1s' }, /sustainedMs.*'1s'/],
    [{ retryAfterSeconds: 0 }, /retryAfterSeconds.*seconds/],
    [{ priority: 'low' }, /priority.*a function/],
    [{ exemptPaths: '/livez' }, /exemptPaths.*an array of strings/],
    [{ maxDelay: 10 }, /unknown option/],
  ])('throws at set-up for %j', (options, message) => {
    expect(() => loadShedding(options as never)).toThrow(message);
  });
});

describe('the accept queue', () => {
  const listen = async (server: net.Server, ...args: unknown[]) => {
    server.listen(...(args as [number]));
    await once(server, 'listening');
    return server;
  };
  /** The kernel may take a moment for its handshakes; meanwhile this process must not accept. */
  const reached = (queue: AcceptQueue, count: number) => {
    const cell = new Int32Array(new SharedArrayBuffer(4));
    for (let n = 0; n < 1000 && (queue.length() ?? 0) < count; n++) Atomics.wait(cell, 0, 0, 1);
    return queue.length();
  };

  /** Connects without letting the event loop turn, so that nobody accepts. */
  const knock = async (count: number, port: number, host: string) => {
    const sockets = Array.from({ length: count }, () => net.connect(port, host));
    await new Promise<void>((resolve) => process.nextTick(resolve));
    return sockets;
  };

  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::', '127.0.0.1'],
    ['0.0.0.0', '127.0.0.1'],
  ])('counts the connections that wait on %s, and no others', async (address, host) => {
    const server = await listen(net.createServer(), 0, address);
    const other = await listen(net.createServer(), 0, address);
    const { port } = server.address() as AddressInfo;
    const queue = AcceptQueue.of(server) as AcceptQueue;
    expect(queue.length()).toBe(0);
    const sockets = await knock(7, port, host);
    const strangers = await knock(3, (other.address() as AddressInfo).port, host);
    expect(reached(queue, 7)).toBe(7);
    for (const socket of [...sockets, ...strangers]) socket.destroy();
    server.close();
    other.close();
  });

  it('finds its row again when other servers come and go', async () => {
    const before = await listen(net.createServer(), 0, '127.0.0.1');
    const server = await listen(net.createServer(), 0, '127.0.0.1');
    const queue = AcceptQueue.of(server) as AcceptQueue;
    const more = await Promise.all(
      Array.from({ length: 5 }, () => listen(net.createServer(), 0, '127.0.0.1')),
    );
    before.close();
    await once(before, 'close');
    const sockets = await knock(4, (server.address() as AddressInfo).port, '127.0.0.1');
    expect(reached(queue, 4)).toBe(4);
    for (const socket of sockets) socket.destroy();
    for (const each of [server, ...more]) each.close();
  });

  it('says why it cannot be seen: a socket that is no TCP socket, or not of this process', async () => {
    const file = path.join(tmpdir(), `shedding-${process.pid}.sock`);
    const server = await listen(http.createServer(), file);
    expect(AcceptQueue.of(server)).toMatch(/does not listen on TCP/);
    server.close();
    expect(AcceptQueue.of(net.createServer())).toMatch(/does not listen on TCP/);
  });
});
