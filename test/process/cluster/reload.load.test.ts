import { type ClusterProgram, ready, removeFolders, runFixture } from '../../helpers/clusters.js';
import { expressNames } from '../../helpers/express-names.js';
import { steadyLoad, wrkLoad } from '../../helpers/load.js';
import { itNeeds } from '../../helpers/needs.js';
import { killAll } from '../../helpers/program.js';
import { repetitions } from '../../helpers/repetitions.js';

const it = itNeeds('wrk');

afterEach(() => {
  killAll();
  removeFolders();
});

describe('reload', () => {
  const rounds = repetitions(20, 2);
  const quiet = { requestLogger: false };

  /** Reloads under the load of two kinds of clients, kept alive and not, and counts what failed. */
  async function reloadUnderLoad(program: ClusterProgram, times: number) {
    await ready(program, 2);
    const url = await program.url();
    const loads = [steadyLoad(url, { keepAlive: true }), steadyLoad(url, { keepAlive: false })];
    let reloading = true;
    const wrk = (async () => {
      const results = [];
      while (reloading) results.push(await wrkLoad(url, 2));
      return results;
    })();
    for (let round = 1; round <= times; round++) {
      program.child.kill('SIGHUP');
      await program.times(/^reload: done/, round);
    }
    reloading = false;
    const results = [...(await Promise.all(loads.map((load) => load.stop()))), ...(await wrk)];
    const answered = results.reduce((sum, result) => sum + result.answered, 0);
    const failures = results.flatMap((result) => result.failures);
    return { answered, failures };
  }

  it.each(expressNames)(
    `${rounds} rolling reloads under load lose no request, on %s`,
    async (express) => {
      const { answered, failures } = await reloadUnderLoad(
        runFixture({ workers: 2 }, { express, app: quiet }),
        rounds,
      );
      console.info(`${rounds} reloads, ${express}: ${answered} answered, ${failures.length} failed`);
      expect(failures).toEqual([]);
      expect(answered).toBeGreaterThan(1000);
    },
    180_000,
  );

  it('nor do reloads where the workers accept for themselves', async () => {
    const env = { NODE_CLUSTER_SCHED_POLICY: 'none' };
    const { answered, failures } = await reloadUnderLoad(runFixture({ workers: 2 }, { app: quiet, env }), 5);
    console.info(`5 reloads, workers accept: ${answered} answered, ${failures.length} failed`);
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(1000);
  });

  it('the same load loses requests when the drain is off', async () => {
    const app = { ...quiet, gracefulShutdown: false };
    const { answered, failures } = await reloadUnderLoad(
      runFixture({ workers: 2, drainMs: 300 }, { app }),
      3,
    );
    console.info(`3 reloads without the drain: ${answered} answered, ${failures.length} failed`);
    expect(failures.length).toBeGreaterThan(0);
  });
});
