import { killAll, run } from '../../helpers/program.js';

afterEach(killAll);

describe.each(['express', 'express4'])('%s: a cluster of the app itself', (express) => {
  it('has a primary that gets no message from the library', async () => {
    const program = run('own-primary.mjs', { args: [express] });
    expect(await program.line(/^\[/)).toBe('["answered"]');
    expect((await program.exit()).code).toBe(0);
  });

  it('under PM2 the worker still sends `ready`', async () => {
    const program = run('own-primary.mjs', { args: [express], env: { pm_id: '0' } });
    expect(await program.line(/^\[/)).toBe('["ready","answered"]');
  });
});
