import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import net from 'node:net';
import { expressNames } from '../../helpers/express-names.js';
import { itNeeds } from '../../helpers/needs.js';
import { run } from '../../helpers/program.js';
import { get } from '../../helpers/serve.js';
import { clean, cleanUp, cut, idle, log, open, starter } from '../../helpers/shutdowns.js';

afterEach(cleanUp);

describe.each(expressNames)('gracefulShutdown on %s', (expressName) => {
  const start = starter(expressName);

  itNeeds('unshare')('as PID 1 it handles SIGTERM, and completes what is in flight', async () => {
    const program = start({ unshare: true });
    const slow = await open(await program.port());
    await slow.request('/slow/1');
    await program.line(/arrived 1/);
    expect(await program.line(/^pid/)).toBe('pid 1');
    const { pid } = program.child;
    const inside = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'));
    process.kill(inside, 'SIGTERM');
    await program.line(/draining/);
    process.kill(inside, 'SIGUSR2');
    expect(await slow.answer()).toContain('slow 1');
    expect(await program.exit()).toEqual(clean);
  });

  it("leaves the app's own SIGTERM listener in charge unless the part is requested by name", async () => {
    const program = start({ ownListener: 7, byDefault: true });
    const port = await program.port();
    const kept = await idle(port);
    program.child.kill('SIGTERM');
    expect(await program.exit()).toEqual({ code: 7, signal: null });
    expect(await kept.ended).toBe('end');
    expect(log(program).some(({ msg }) => /draining/.test(msg))).toBe(false);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'a %s listener that does not end the process is named in the report, and in the log when the signal arrives',
    async (signal) => {
      const program = start({ flushes: signal, byDefault: true });
      const port = await program.port();
      const found = `a ${signal} listener (flushTelemetry)`;
      const line = program.err.find((text) => text.includes(' gracefulShutdown '));
      expect(line).toContain(signal === 'SIGTERM' ? `kept  found ${found}, left in place` : found);
      program.child.kill(signal);
      await program.line(/left to a listener of the app/);
      expect(log(program).filter(({ reason }) => reason === signal)).toMatchObject([
        { level: 40, listeners: ['flushTelemetry'] },
      ]);
      expect(await (await idle(port)).ended).toBe('end');
      program.child.kill('SIGKILL');
    },
  );

  it('the same listener changes nothing where the part is requested by name', async () => {
    const program = start({ flushes: 'SIGTERM' });
    await program.port();
    expect(program.err.find((text) => text.includes(' gracefulShutdown '))).toContain('on    SIGTERM ends');
    program.child.kill('SIGTERM');
    expect(await program.exit()).toEqual(clean);
  });

  it('a listen call that fails is logged by its code and exits 1, and ready is never sent', async () => {
    const taken = net.createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    try {
      const { port } = taken.address() as AddressInfo;
      const program = start({ port, hooks: [{ name: 'pool' }] }, { pm_id: '0' }, true);
      const messages: unknown[] = [];
      program.child.on('message', (message) => messages.push(message));
      expect(await program.exit()).toEqual(cut);
      expect(program.out.join()).toContain('EADDRINUSE');
      expect(program.err).toContain('hook pool');
      expect(messages).toEqual([]);
    } finally {
      taken.close();
    }
  });

  it('the start reports that npm started it', async () => {
    const script = 'node test/fixtures/shutdown.mjs';
    const program = start({}, { npm_lifecycle_event: 'start', npm_lifecycle_script: script });
    expect(await program.line(/ERR_PRODUCTIONIZE_NPM_START/)).toContain(`Start node itself: ${script}`);
    const quiet = start({}, { npm_lifecycle_event: 'start', NODE_ENV: 'development' });
    await quiet.port();
    quiet.child.kill('SIGTERM');
    await quiet.exit();
    expect(quiet.err.join()).not.toContain('npm');
  });

  it.each(['productionize', 'standalone'] as const)(
    'PM2 gets ready once, after listen, and its message shutdown drains (%s)',
    async (way) => {
      const program = start({ way }, { pm_id: '0', wait_ready: 'true' }, true);
      const messages: unknown[] = [];
      program.child.on('message', (message) => messages.push(message));
      await once(program.child, 'message');
      const port = await program.port();
      const slow = await open(port);
      await slow.request('/slow/1');
      await program.line(/arrived 1/);
      program.child.send('shutdown');
      await program.line(/the message shutdown: draining/);
      program.child.kill('SIGUSR2');
      expect(await slow.answer()).toContain('slow 1');
      expect(await program.exit()).toEqual(clean);
      expect(messages).toEqual(['ready']);
    },
  );

  it('ignores a parent that is no manager', async () => {
    const program = start({ hears: true }, {}, true);
    const messages: unknown[] = [];
    program.child.on('message', (message) => messages.push(message));
    program.child.send('early');
    expect(await program.line(/heard/)).toBe('heard early');
    await program.port();
    program.child.kill('SIGTERM');
    expect(await program.exit()).toEqual(clean);
    expect(messages).toEqual([]);
  });

  const cluster = (setting: object = {}, env: NodeJS.ProcessEnv = {}) =>
    run('shutdown-cluster.mjs', { args: [expressName, JSON.stringify(setting)], env });

  it.each(['SIGUSR2', 'SIGHUP'] as const)(
    'connections on their way from the primary go to another worker (%s)',
    async (how) => {
      const program = cluster();
      const url = `http://127.0.0.1:${await program.port()}/`;
      let running = true;
      const answers: string[] = [];
      const client = async () => {
        while (running) answers.push(await get(url).then(({ text }) => text, String));
      };
      const clients = Array.from({ length: 16 }, client);
      while (answers.length < 50) await new Promise((resolve) => setTimeout(resolve, 5));
      program.child.kill(how);
      expect(await program.line(/worker 0 exit/)).toBe('worker 0 exit 0 null');
      const served = answers.length;
      while (answers.length < served + 50) await new Promise((resolve) => setTimeout(resolve, 5));
      running = false;
      await Promise.all(clients);
      expect(answers.filter((text) => !/^hello from [12]$/.test(text))).toEqual([]);
      expect(answers.slice(-20).every((text) => text === 'hello from 2')).toBe(true);
    },
  );

  it('the primary of PM2 gets ready once from each worker', async () => {
    const program = cluster({}, { pm_id: '0' });
    await program.port();
    await program.line(/worker 0 says ready/);
    await program.line(/worker 1 says ready/);
    program.child.kill('SIGUSR2');
    await program.line(/worker 0 exit 0/);
    expect(program.err.filter((line) => /says/.test(line))).toHaveLength(2);
  });

  it('a worker whose primary is killed finishes what it has, then exits', async () => {
    const program = cluster({ workers: 1 });
    const slow = await open(await program.port());
    await slow.request('/slow');
    const worker = Number(/\d+/.exec(await program.line(/arrived at/))?.[0]);
    program.child.kill('SIGKILL');
    await program.line(/the primary exited: draining/);
    process.kill(worker, 'SIGUSR2');
    expect(await slow.answer()).toContain('slow is done');
    await program.line(/the primary exited: exit 0/);
  });
});
