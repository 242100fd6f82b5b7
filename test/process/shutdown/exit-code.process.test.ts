import { killAll, run } from '../../helpers/program.js';

afterEach(killAll);

describe.each(['express', 'express4'])('%s: the exit code after a drain', (express) => {
  it.each([
    ['nobody', 0],
    ['app', 3],
    ['hook', 3],
    // the end was not clean
    ['failing hook', 1],
  ])('set by %s is %i, in the log, too', async (who, code) => {
    const program = run('exit-code.mjs', { args: [express, who] });
    expect(await program.line(/SIGTERM: exit/)).toContain(`exit ${code}"`);
    expect(await program.exit()).toEqual({ code, signal: null });
  });
});
