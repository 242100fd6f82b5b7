import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expressNames } from '../../helpers/express-names.js';
import { killAll, run } from '../../helpers/program.js';
import { get } from '../../helpers/serve.js';

afterEach(killAll);

const json = (text: string) => JSON.parse(text);

describe.each(expressNames)('healthChecks in a process with %s', (expressName) => {
  const start = (setting: object, env: NodeJS.ProcessEnv = {}) =>
    run('health.mjs', { args: [expressName, JSON.stringify(setting)], env });

  it.each([false, true])(
    'ready is 503 immediately when draining, live stays 200 until exit (alone: %s)',
    async (standalone) => {
      const program = start({ standalone, options: { gracefulShutdown: { delayMs: 700 } } });
      const url = `http://127.0.0.1:${await program.port()}`;
      expect((await get(`${url}/readyz`)).status).toBe(200);
      program.child.kill('SIGTERM');
      await program.line(/draining/);
      const answers: [number, number][] = [];
      try {
        for (;;) {
          const [ready, live] = [await get(`${url}/readyz`), await get(`${url}/livez`)];
          answers.push([ready.status, live.status]);
          expect(ready.headers.connection).toBe('close');
        }
      } catch (error) {
        // the last one may come in the moment in which the listener closes
        expect(['ECONNREFUSED', 'ECONNRESET']).toContain((error as NodeJS.ErrnoException).code);
      }
      expect(answers.length).toBeGreaterThan(3);
      expect(answers.every(([ready, live]) => ready === 503 && live === 200)).toBe(true);
      expect(await program.exit()).toEqual({ code: 0, signal: null });
    },
  );

  it('live responds from its thread while the main loop is blocked, and is 503 past the stall limit', async () => {
    const livenessThread = { port: 0, host: '127.0.0.1', stallMs: 1500 };
    const blockUntil = path.join(mkdtempSync(path.join(tmpdir(), 'health-')), 'file');
    const program = start({ standalone: true, blockUntil, options: { healthChecks: { livenessThread } } });
    const port = await program.port();
    const thread = `http://127.0.0.1:${/\d+/.exec(await program.line(/liveness on/))?.[0]}/livez`;
    expect(await get(thread)).toMatchObject({ status: 200 });
    await get(`http://127.0.0.1:${port}/block`);
    await program.line(/^blocked/);
    let status = 200;
    let lag = 0;
    while (status === 200) {
      const answer = await get(thread);
      status = answer.status;
      expect(json(answer.text).eventLoopLagMs).toBeGreaterThanOrEqual(lag);
      lag = json(answer.text).eventLoopLagMs;
    }
    expect(status).toBe(503);
    expect(lag).toBeGreaterThanOrEqual(1500);
    expect(program.err).not.toContain('free');
    writeFileSync(blockUntil, '');
    await program.line(/^free/);
    await get(`http://127.0.0.1:${port}/livez`);
    expect(await get(thread)).toMatchObject({ status: 200 });
    expect((await get(thread.replace('livez', 'other'))).status).toBe(404);
    program.child.kill('SIGTERM');
    expect(await program.exit()).toEqual({ code: 0, signal: null });
  });

  it('with several workers, ready describes the worker that responds', async () => {
    const program = start({ workers: 2 });
    const url = `http://127.0.0.1:${await program.port()}/readyz`;
    const seen = new Map<number, Set<number>>();
    for (let i = 0; i < 20; i++) {
      const { status, text } = await get(url);
      const { worker } = json(text);
      seen.set(worker, (seen.get(worker) ?? new Set()).add(status));
    }
    expect([...(seen.get(1) ?? [])]).toEqual([503]);
    expect([...(seen.get(2) ?? [])]).toEqual([200]);
  });

  it('PM2 is sent ready when the checks pass, not before', async () => {
    const program = start({ workers: 1, passesLater: true }, { pm_id: '0' });
    await program.line(/worker 0 says ready/);
    const order = program.err.filter((line) => /asked|says/.test(line));
    expect(order[0]).toBe('asked, cold');
    expect(order.at(-1)).toBe('worker 0 says ready');
    expect(order.at(-2)).toBe('asked, warm');
  });
});
