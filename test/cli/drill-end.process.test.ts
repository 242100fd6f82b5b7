import path from 'node:path';
import type { Report } from '../../src/cli/drill/drill-report.js';
import { folder } from '../helpers/clusters.js';
import { all, appears, cleanUp, drill, fixture, noProcessWith } from '../helpers/drills.js';

afterEach(cleanUp);

describe('the end of a drill', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s ends the app, too', async (signal) => {
    const marker = path.join(folder(), 'asked');
    const started = drill(fixture('app.mjs'), all, { MARKER: marker });
    await appears(marker);
    expect(started.pids().length).toBeGreaterThanOrEqual(3);
    started.child.kill(signal);
    const { code, out } = await started.done();
    expect({ code, out }).toEqual({ code: { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[signal], out: '' });
  });

  it('a second signal ends the drill immediately', async () => {
    const [marker, leaving] = ['asked', 'leaving'].map((name) => path.join(folder(), name)) as [
      string,
      string,
    ];
    const started = drill(fixture('app.mjs'), [], { MARKER: marker, STAYS: leaving });
    await appears(marker);
    started.child.kill('SIGINT');
    await appears(leaving);
    const from = performance.now();
    started.child.kill('SIGINT');
    expect((await started.done()).code).toBe(130);
    expect(performance.now() - from).toBeLessThan(3000);
  });

  it('the app exits when the drill is killed', async () => {
    const marker = path.join(folder(), 'asked');
    const started = drill(fixture('app.mjs'), [], { MARKER: marker });
    await appears(marker);
    started.child.kill('SIGKILL');
    await started.exit();
    await noProcessWith(started.dir);
  });

  it('at the time limit the drill reports its results so far', async () => {
    const { done } = drill(fixture('app.mjs'), ['--reloads', '1000', '--seconds', '15', '--json']);
    const { code, out } = await done();
    const report: Report = JSON.parse(out);
    expect(code).toBe(1);
    expect(report.problem).toBe('the time limit was reached');
    expect(report.seconds).toBeLessThan(40);
  });
});
