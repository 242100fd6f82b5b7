import { deferred } from '../../helpers/deferred.js';
import { expressNames } from '../../helpers/express-names.js';
import { arrange, overload, printed, soon } from '../../helpers/overload.js';
import { killAll } from '../../helpers/program.js';
import { get } from '../../helpers/serve.js';

afterEach(killAll);

describe.each(expressNames)('loadShedding with %s', (expressName) => {
  it('refuses no request because of one task of 2 s', async () => {
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

  it('refuses low priority first, and `never` not at all', async () => {
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

  it('writes counts instead of a line per refused request when productionized', async () => {
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

  it('counts the connections of a worker whose primary accepts them', async () => {
    const program = arrange(expressName, soon, 'cluster');
    const load = overload(`http://127.0.0.1:${await program.port()}/work`, { clients: 100 });
    const report = JSON.parse(await program.line(/"refused","count":[1-9]/));
    expect(report.refused.queue).toBeGreaterThan(0);
    await load.stop();
    expect(load.count(200) + load.count(503)).toBe(load.answers.length);
  });
});
