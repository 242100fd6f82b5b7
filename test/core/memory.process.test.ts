import { killAll, run } from '../helpers/program.js';

afterEach(killAll);

const requests = 30_000;
/** 100 bytes for each request after the second part. The caches with a limit are not full before. */
const maxGrowth = 100 * requests * 0.6;

it.each(['express', 'express4'])(
  'the heap does not grow with the number of requests to 1,000 routes and random URLs, %s',
  async (EXPRESS) => {
    const program = run('memory.mjs', {
      nodeArgs: ['--expose-gc'],
      env: { EXPRESS, REQUESTS: String(requests) },
    });
    expect(await program.exit()).toEqual({ code: 0, signal: null });
    const inUse = program.out.flatMap((line) => line.match(/(?<=^in use )\d+/) ?? []).map(Number);
    expect(inUse).toHaveLength(5);
    expect((inUse[4] as number) - (inUse[1] as number)).toBeLessThan(maxGrowth);
  },
  300_000,
);
