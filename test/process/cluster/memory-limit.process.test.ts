import { pidOf, ready, removeFolders, runFixture } from '../../helpers/clusters.js';
import { expressNames } from '../../helpers/express-names.js';
import { steadyLoad } from '../../helpers/load.js';
import { killAll } from '../../helpers/program.js';
import { get } from '../../helpers/serve.js';

afterEach(() => {
  killAll();
  removeFolders();
});

it.each(expressNames)(
  'a worker whose memory grows is replaced without losing a request, and the other stays, on %s',
  async (express) => {
    const program = runFixture({ workers: 2, maxMemory: 300 * 2 ** 20 }, { express });
    await ready(program, 2);
    const url = await program.url();
    const loads = [true, false].map((keepAlive) => steadyLoad(url, { keepAlive, pauseMs: 20 }));
    const { pid: leaking } = JSON.parse((await get(`${url}/leak/350`)).text);

    expect(await program.logged(/^cluster: 2 workers and the primary use \d+ MiB of memory/)).toMatchObject({
      level: 40,
      workerPid: leaking,
      memoryBytes: expect.any(Number),
      msg: expect.stringMatching(/the limit is 300 MiB; worker \d is replaced, which uses \d+ MiB/),
    });
    expect(await program.logged(/^worker \d exited: exit code 0$/)).toMatchObject({ workerPid: leaking });
    await Promise.all(loads.map((load) => load.answered(20)));
    const results = await Promise.all(loads.map((load) => load.stop()));
    expect(results.flatMap(({ failures }) => failures)).toEqual([]);

    const log = program.log().map(({ msg }) => String(msg));
    // the third worker is ready before the old one exits
    expect(log.indexOf('worker 3 is ready')).toBeLessThan(log.findIndex((line) => /exited/.test(line)));
    expect(log.filter((line) => /died|exited/.test(line))).toHaveLength(1);
    const before = program.log().filter(({ msg }) => /^worker [12] is ready/.test(String(msg)));
    const other = before.map(({ workerPid }) => workerPid).find((pid) => pid !== leaking);
    expect([await pidOf(url), await pidOf(url)]).toContain(other);
    program.child.kill('SIGTERM');
    expect(await program.exit()).toEqual({ code: 0, signal: null });
  },
);
