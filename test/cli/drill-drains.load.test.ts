import type { Report } from '../../src/cli/drill/drill-report.js';
import { all, cleanUp, drill, fixture } from '../helpers/drills.js';
import { expressNames } from '../helpers/express-names.js';

afterEach(cleanUp);

const kinds = [
  'keep-alive',
  'new connections',
  'slow requests',
  'slow readers',
  'uploads',
  'event streams',
  'WebSockets',
];

describe('an app that drains', () => {
  it.each(expressNames)('loses nothing of any kind over reloads, on %s', async (express) => {
    const { done } = drill(fixture('app.mjs'), [...all, '--reloads', '3', '--json'], { EXPRESS: express });
    const { code, out, err } = await done();
    const report: Report = JSON.parse(out);
    console.info(`${express}: ${report.verdict}`);
    expect({ code, err, lost: report.lost, losses: report.traffic.map(({ losses }) => losses) }).toEqual({
      code: 0,
      err: '',
      lost: 0,
      losses: kinds.map(() => ({})),
    });
    expect(report).toMatchObject({
      reloads: 3,
      reloaded: 3,
      workers: 2,
      deaths: 0,
      problem: null,
      status: 200,
    });
    expect(report.traffic.map(({ kind }) => kind)).toEqual(kinds);
    for (const { sent, completed } of report.traffic) {
      expect(completed).toBe(sent);
      expect(sent).toBeGreaterThanOrEqual(4);
    }
    const reconnected = Object.fromEntries(report.traffic.map((kind) => [kind.kind, kind.reconnected]));
    // every worker is replaced three times, and takes its connections with it
    for (const kind of ['keep-alive', 'event streams', 'WebSockets']) {
      expect(reconnected[kind]).toBeGreaterThanOrEqual(6);
    }
  });

  it('is drilled without options, and its large responses arrive complete', async () => {
    const { done } = drill(fixture('app.mjs'), ['--reloads', '1', '--path', '/large']);
    const { code, out } = await done();
    expect(code).toBe(0);
    const lines = out.split('\n');
    expect(lines[0]).toMatch(/^1 reload of 2 workers, [\d.]+ s; GET \/large on port \d+ responds with 200$/);
    expect(lines[2]).toMatch(/^traffic +sent +completed +failed +reconnected +slowest$/);
    expect(lines.slice(3, 7).map((line) => line.split(/ {2,}/)[0])).toEqual(kinds.slice(0, 4));
    expect(lines.at(-1)).toMatch(/^Passed: 0 of [\d,]+ lost over 1 reload\.$/);
  });

  it('may respond with any status that it has without a reload', async () => {
    const { done } = drill(fixture('app.mjs'), ['--reloads', '1', '--path', '/status/500']);
    const { code, out } = await done();
    expect(out).toContain('GET /status/500 on port');
    expect(out).toContain('responds with 500');
    expect(code).toBe(0);
  });
});
