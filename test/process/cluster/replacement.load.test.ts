import { pidOf, ready, removeFolders, runFixture } from '../../helpers/clusters.js';
import { steadyLoad } from '../../helpers/load.js';
import { killAll } from '../../helpers/program.js';

afterEach(() => {
  killAll();
  removeFolders();
});

describe('ends', () => {
  it('under kill -9 of a worker only its requests in flight fail, and a new one serves within a second', async () => {
    const program = runFixture({ workers: 2 }, { app: { requestLogger: false } });
    await ready(program, 2);
    const url = await program.url();
    const loads = [true, false].map((keepAlive) => steadyLoad(url, { keepAlive, pauseMs: 5 }));
    await Promise.all(loads.map((load) => load.answered(200)));
    // a machine with other work adds to it, and never takes away
    let kills = 0;
    let replacedInMs = Number.POSITIVE_INFINITY;
    while (kills < 3 && replacedInMs >= 1000) {
      const victim = await pidOf(url);
      const killedAt = performance.now();
      process.kill(victim, 'SIGKILL');
      kills += 1;
      await ready(program, 2 + kills);
      replacedInMs = Math.min(replacedInMs, Math.round(performance.now() - killedAt));
      await Promise.all(loads.map((load) => load.answered(200)));
    }
    const [kept, fresh] = await Promise.all(loads.map((load) => load.stop()));
    const failures = [...(kept?.failures ?? []), ...(fresh?.failures ?? [])];
    console.info(`kill -9: ${failures.length} failed of those in flight, replaced in ${replacedInMs} ms`);
    // 3 clients of each kind have one request each in flight
    expect(failures.length).toBeLessThanOrEqual(6 * kills);
    expect(new Set(failures)).toEqual(failures.length > 0 ? new Set(['ECONNRESET']) : new Set());
    expect(replacedInMs).toBeLessThan(1000);
  });
});
