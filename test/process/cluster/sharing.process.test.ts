import { io as connect, type ManagerOptions, type Socket } from 'socket.io-client';
import { ready, removeFolders, runFixture, runCluster as runProgram } from '../../helpers/clusters.js';
import { installed } from '../../helpers/installed.js';
import { killAll } from '../../helpers/program.js';
import { get } from '../../helpers/serve.js';

afterEach(() => {
  killAll();
  removeFolders();
});

const opened = new Set<Socket>();

function open(url: string, options: Partial<ManagerOptions>): Socket {
  const socket = connect(url, options);
  opened.add(socket);
  return socket;
}

function closeSockets(): void {
  for (const socket of opened) socket.close();
  opened.clear();
}

afterEach(closeSockets);

describe('what breaks with several workers', () => {
  it.each(['1', 'minified', 'cached'])(
    'warns once, with the stores to use, about sessions in memory (%s)',
    async (SESSIONS) => {
      const program = runFixture({ workers: 2 }, { env: { SESSIONS } });
      await ready(program, 2);
      const url = await program.url();
      for (let i = 0; i < 4; i++) await get(url);
      expect(await program.line(/ERR_PRODUCTIONIZE_CLUSTER_SESSIONS/)).toMatch(
        /2 workers share nothing.*connect-redis/,
      );
      program.child.kill('SIGTERM');
      await program.exit();
      expect(program.err.filter((line) => line.includes('CLUSTER_SESSIONS'))).toHaveLength(1);
    },
  );

  it('does not warn about sessions elsewhere, whatever the name of the store', async () => {
    const program = runFixture({ workers: 2 }, { env: { SESSIONS: 'elsewhere' } });
    await ready(program, 2);
    for (let i = 0; i < 4; i++) await get(await program.url());
    program.child.kill('SIGTERM');
    await program.exit();
    expect(program.err.join()).not.toContain('CLUSTER_SESSIONS');
  });

  it('warns about a rate limit in memory, and not about one that is counted elsewhere', async () => {
    const env = { RATE_LIMIT: installed('express-rate-limit', '8') };
    const program = runFixture({ workers: 2 }, { env });
    await ready(program, 2);
    const url = await program.url();
    for (let i = 0; i < 4; i++) await get(`${url}/limited`);
    expect(await program.line(/ERR_PRODUCTIONIZE_CLUSTER_RATE_LIMIT/)).toMatch(/rate-limit-redis/);
    killAll();

    const elsewhere = runFixture({ workers: 2 }, { env: { ...env, ELSEWHERE: '1' } });
    await ready(elsewhere, 2);
    for (let i = 0; i < 4; i++) await get(`${await elsewhere.url()}/elsewhere`);
    elsewhere.child.kill('SIGTERM');
    await elsewhere.exit();
    expect(elsewhere.err.join()).not.toContain('RATE_LIMIT');
  });

  it('does not warn where there is nothing to warn of', async () => {
    const program = runFixture({ workers: 2 });
    await ready(program, 2);
    for (let i = 0; i < 4; i++) await get(await program.url());
    program.child.kill('SIGTERM');
    await program.exit();
    expect(program.err.join()).not.toContain('ERR_');
  });

  it('socket.io polling without stickiness names three choices', async () => {
    const program = runProgram('cluster-socket.mjs', { args: ['round-robin'] });
    await ready(program, 2);
    open(await program.url(), { transports: ['polling'] });
    expect(await program.line(/ERR_PRODUCTIONIZE_CLUSTER_POLLING/)).toMatch(
      /transports: \['websocket'\] only; a proxy that hashes .*; or the option `sticky` of runCluster/,
    );
  });

  it('with sticky, clients that poll have one session, and reach another worker over a reload', async () => {
    const program = runProgram('cluster-socket.mjs', { args: ['sticky'] });
    await ready(program, 2);
    const { port } = await program.logged(/^cluster: the primary listens/);
    const url = `http://127.0.0.1:${port}`;
    // one after the other: the module chooses the worker with the fewest sessions it knows of
    const sockets: Socket[] = [];
    for (let i = 0; i < 6; i++) {
      const socket = open(url, { transports: ['polling'], forceNew: true, reconnectionDelay: 50 });
      await new Promise<void>((resolve) => socket.once('connect', resolve));
      sockets.push(socket);
    }
    const askAll = () =>
      Promise.all(sockets.map((socket) => socket.timeout(10_000).emitWithAck('who', 'x'.repeat(5000))));
    const before = (await askAll()) as { pid: number; bytes: number }[];
    expect(before.every(({ bytes }) => bytes === 5000)).toBe(true);
    expect(new Set(before.map(({ pid }) => pid)).size).toBe(2);
    // the same session, the same worker
    expect(await askAll()).toEqual(before);

    const again = sockets.map((socket) => new Promise((resolve) => socket.io.once('reconnect', resolve)));
    program.child.kill('SIGHUP');
    await program.logged(/^reload: done/);
    await Promise.all(again);
    const after = (await askAll()) as { pid: number }[];
    const old = before.map(({ pid }) => pid);
    for (const { pid } of after) expect(old).not.toContain(pid);
    // plain requests go through the primary, too
    expect((await get(url)).text).toBe('plain');
    closeSockets();
    program.child.kill('SIGTERM');
    expect((await program.exit()).code).toBe(0);
    expect(program.err.join()).not.toContain('POLLING');
  });

  it('a sticky `start` that returns no socket.io server is an error that names the cause', async () => {
    const program = runProgram('cluster-socket.mjs', { args: ['wrong'] });
    expect((await program.exit()).code).toBe(1);
    expect(program.log().at(-1)?.lastError).toMatch(/expected `start` to return the socket.io server/);
  });
});
