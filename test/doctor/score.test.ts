import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Practice, Severity } from '../../src/doctor/audit-finding.js';
import { score, scoresByPractice } from '../../src/doctor/score.js';

const guide = readFileSync(path.join(__dirname, '../../docs/doctor.md'), 'utf8');
const [, high, medium, low] =
  /costs (\d+) points if its severity is high, (\d+) if medium, (\d+) if low/.exec(guide) ?? [];
const cost = { high: Number(high), medium: Number(medium), low: Number(low) };
const faults = (...severities: Severity[]) => severities.map((severity) => ({ severity }));

describe('the formula of the score', () => {
  it.each(['high', 'medium', 'low'] as const)(
    'takes the points that the guide states for severity %s',
    (severity) => {
      expect(cost[severity]).toBeGreaterThan(0);
      expect(score(faults(severity))).toBe(100 - cost[severity]);
    },
  );

  it('adds the points of all faults, in any order, and ends at 0', () => {
    const all = 100 - cost.high - 2 * cost.medium - cost.low;
    expect(score(faults('high', 'medium', 'low', 'medium'))).toBe(all);
    expect(score(faults('medium', 'low', 'medium', 'high'))).toBe(all);
    expect(score(faults(...Array<Severity>(50).fill('high')))).toBe(0);
    expect(score([])).toBe(100);
  });

  it('counts in each practice its own faults only', () => {
    const practices: Practice[] = ['logging', 'security', 'logging', 'cluster'];
    const found = [
      { practice: 'security', severity: 'high' },
      { practice: 'security', severity: 'low' },
      { practice: 'cluster', severity: 'medium' },
    ] as const;
    expect(scoresByPractice(practices, found)).toEqual({
      logging: 100,
      security: 100 - cost.high - cost.low,
      cluster: 100 - cost.medium,
    });
  });
});
