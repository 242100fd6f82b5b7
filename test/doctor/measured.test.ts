import { reportOf } from '../../src/doctor/audit-report.js';
import { percentile } from '../../src/doctor/measure-load.js';
import { heldBackBy, type LoopLoad } from '../../src/doctor/measured.js';
import { markdownReport } from '../../src/doctor/report/markdown-report.js';
import { terminalReport } from '../../src/doctor/report/terminal-report.js';
import { measuredWith, nothingSeen } from '../helpers/audit-reports.js';

const idle: LoopLoad = { utilization: 0.1, collecting: 0.01, delayP50Ms: 0, delayP99Ms: 1 };
const route = (p50Ms: number) => [{ route: 'GET /', requests: 9, p50Ms, p99Ms: 900 }];

describe('what holds an app back', () => {
  it.each([
    ['nothing', idle, 49],
    ['I/O', idle, 50],
    ['I/O', { ...idle, utilization: 0.49, delayP99Ms: 80 }, 50],
    ['event loop', { ...idle, utilization: 0.5, delayP99Ms: 20 }, 500],
    ['nothing', { ...idle, utilization: 0.99, delayP99Ms: 19 }, 500],
    ['event loop', { ...idle, utilization: 0.99, delayP99Ms: 90, collecting: 0.29 }, 500],
    ['garbage collector', { ...idle, utilization: 0.99, delayP99Ms: 90, collecting: 0.3 }, 500],
  ])('is %s with %j and responses after %d ms', (word, load, p50Ms) => {
    expect(heldBackBy(load, route(p50Ms))).toBe(word);
  });

  it('is nothing without a route', () => {
    expect(heldBackBy(idle, [])).toBe('nothing');
  });
});

describe('a percentile', () => {
  it.each([
    [[], 0.5, 0],
    [[7], 0.99, 7],
    [[4, 1, 3, 2], 0.5, 2],
    [Array.from({ length: 100 }, (_, i) => 100 - i), 0.99, 99],
  ])('of %j at %d is %d', (times, share, expected) => {
    expect(percentile(times, share)).toBe(expected);
  });
});

describe('what was measured', () => {
  const measured = { ...measuredWith('GET /a', 'GET /b'), heldBackBy: 'event loop' as const };
  const report = reportOf({ ...nothingSeen, measured });

  it('changes no score and no finding', () => {
    expect(report).toEqual({ ...reportOf(nothingSeen), measured });
  });

  it('stands in each report', () => {
    const line =
      /812 requests\/s; event loop late by 31\.2 ms \(p99\); slowest GET \/b, 2 ms \(p50\), 16 ms \(p99\); held back by event loop/;
    expect(terminalReport('a.js', report, (_style, text) => text)).toMatch(line);
    expect(markdownReport('a.js', report, report).match(new RegExp(line, 'g'))).toHaveLength(2);
    expect(markdownReport('a.js', reportOf(nothingSeen))).not.toContain('Measured');
  });
});
