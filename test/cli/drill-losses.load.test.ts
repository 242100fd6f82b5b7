import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Report } from '../../src/cli/drill/drill-report.js';
import { folder } from '../helpers/clusters.js';
import { all, cleanUp, drill, fixture, shortGrace } from '../helpers/drills.js';

afterEach(cleanUp);

describe('an app that does not drain', () => {
  it('loses event streams and WebSockets, and the drill reports how many and why', async () => {
    const { done } = drill(fixture('app.mjs'), [...all, '--reloads', '1', '--json'], {
      OFF: '1',
      ...shortGrace,
    });
    const { code, out } = await done();
    const report: Report = JSON.parse(out);
    console.info(`without the drain: ${report.verdict}`);
    expect(code).toBe(1);
    const losses = Object.fromEntries(report.traffic.map((kind) => [kind.kind, kind]));
    expect(losses['event streams']?.losses.ECONNRESET).toBeGreaterThanOrEqual(4);
    expect(losses.WebSockets?.losses['closed without a close frame']).toBeGreaterThanOrEqual(4);
    expect(report.lost).toBe(report.traffic.reduce((sum, { sent, completed }) => sum + sent - completed, 0));
    expect(report.verdict).toMatch(/^Failed: \d+ of [\d,]+ lost over 1 reload\.$/);
  });

  it('loses keep-alive requests, too, without an option of the drill', async () => {
    const { done } = drill(fixture('app.mjs'), ['--reloads', '6'], { OFF: '1', ...shortGrace });
    const { code, out } = await done();
    console.info(out);
    expect(code).toBe(1);
    expect(out).toMatch(/^keep-alive: \d+ × ECONNRESET$/m);
  });

  it('loses WebSockets that were not closed, although it drains', async () => {
    const env = { UNTOLD: '1', ...shortGrace };
    const { done } = drill(fixture('app.mjs'), ['--websocket', '/ws', '--reloads', '1'], env);
    const { code, out } = await done();
    expect(code).toBe(1);
    expect(out).toMatch(/^WebSockets: \d × closed without a close frame$/m);
  });

  it('fails when the new code does not start, and loses no request', async () => {
    const script = path.join(folder(), 'app.mjs');
    const marker = `${script}.asked`;
    const broken = `if (existsSync(${JSON.stringify(marker)})) throw new Error('broken deploy');`;
    writeFileSync(
      script,
      `import { existsSync } from 'node:fs'; ${broken} await import(${JSON.stringify(fixture('app.mjs'))});`,
    );
    const { done } = drill(script, ['--reloads', '3', '--json'], { MARKER: marker });
    const { code, out } = await done();
    const report: Report = JSON.parse(out);
    expect(code).toBe(1);
    expect(report).toMatchObject({ reloaded: 0, reloads: 3, lost: 0 });
    expect(report.problem).toMatch(/reload failed, 2 of 2 workers were not replaced: .*broken deploy/);
    expect(report.verdict).toContain('Only 0 of 3 reloads were done: reload failed');
  });

  it('fails when a worker dies during the reloads', async () => {
    const env = { DIES: '1', MARKER: path.join(folder(), 'asked') };
    const { done } = drill(fixture('app.mjs'), ['--reloads', '1', '--json'], env);
    const { code, out } = await done();
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ deaths: 1, reloaded: 1 });
  });
});
