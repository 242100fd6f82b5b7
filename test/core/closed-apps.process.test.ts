import { killAll, run } from '../helpers/program.js';

afterEach(killAll);

const ways = ['listen', 'createServer', 'everything', 'log file', 'stand-alone'];

describe.each(['express4', 'express'])('of a closed app on %s', (EXPRESS) => {
  it.each(['production', undefined])('nothing stays in memory, with NODE_ENV=%s', async (NODE_ENV) => {
    const program = run('closed-apps.mjs', {
      nodeArgs: ['--expose-gc', '--no-warnings'],
      env: { EXPRESS, NODE_ENV },
    });
    expect(await program.exit()).toEqual({ code: 0, signal: null });
    const lines = program.out.filter((line) => line.startsWith('{"way"')).map((line) => JSON.parse(line));
    const none = { alive: 0, objects: 0, listeners: 0, descriptors: 0 };
    expect(lines).toEqual(ways.map((way) => ({ way, ...none })));
    expect(program.out).toContain('listeners for uncaught errors: 0');
  });
});
