import { once } from 'node:events';
import { WebSocket } from 'ws';
import { expressNames } from '../../helpers/express-names.js';
import { arrange, overload, printed, soon } from '../../helpers/overload.js';
import { killAll } from '../../helpers/program.js';
import { get } from '../../helpers/serve.js';

afterEach(killAll);

describe.each(expressNames)('loadShedding with %s', (expressName) => {
  it.each([
    ['new', false],
    ['keep-alive', true],
  ])('continues to respond, also to every probe, under %s connections', async (_kind, keepAlive) => {
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

  it('refuses with 503 and a jittered Retry-After, and counts every refusal by reason', async () => {
    const program = arrange(expressName);
    const headers = { accept: 'application/json' };
    const load = overload(`http://127.0.0.1:${await program.port()}/work`, { headers });
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

  it('never refuses an upgrade', async () => {
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

  it('refuses no request in the first seconds', async () => {
    const program = arrange(expressName, { ...soon, startupMs: 60_000 });
    const load = overload(`http://127.0.0.1:${await program.port()}/work`);
    // three times as long as it takes without the option
    const until = performance.now() + 3000;
    while (performance.now() < until) await get(`http://127.0.0.1:${await program.port()}/livez`);
    await load.stop();
    expect(load.count(200)).toBe(load.answers.length);
    expect(program.out).toEqual([]);
  });
});
