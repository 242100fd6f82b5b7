import { fileKinds } from '../../../src/deploy/check/file-kinds.js';
import { checkDeploymentFile } from '../../../src/deploy/index.js';
import { checkedFacts, textOf } from '../../helpers/checked-files.js';
import { type FaultCase, faultCases } from '../../helpers/deployment-faults.js';

function edited({ file }: FaultCase, [from, to]: FaultCase['fault']): string {
  return textOf(file).replace(from, to);
}

function check({ file, hops }: FaultCase, text: string, facts: FaultCase['facts']) {
  return checkDeploymentFile({ name: file, text, facts: { ...checkedFacts, ...facts }, hops });
}

it.each(faultCases.map((each) => [each.id, String(each.fault[1]).trim(), each] as const))(
  'names one fault only: %s, %j',
  (id, _, given) => {
    const text = edited(given, given.fault);
    const findings = check(given, text, given.facts);
    const named = findings.map(({ line }) => text.split('\n')[line - 1]);
    expect(findings.map((finding) => finding.id)).toEqual(findings.map(() => id));
    expect(findings.length).toBeGreaterThan(0);
    expect(named[0]).toContain(given.at);
    for (const finding of findings) {
      expect(finding).toEqual({
        id,
        file: given.file,
        line: expect.any(Number),
        found: expect.stringMatching(/\S/),
        expected: expect.stringMatching(/\S/),
        reason: expect.stringMatching(/\S/),
        fix: expect.stringMatching(/\S/),
      });
    }
  },
);

it.each(faultCases.map((each) => [each.id, String(each.twin[1]).trim(), each] as const))(
  'does not name the healthy twin: %s, %j',
  (_id, _edit, given) => {
    expect(check(given, edited(given, given.twin), given.twinFacts)).toEqual([]);
  },
);

it('each rule has a fault and a twin', () => {
  const rules = fileKinds.flatMap(({ ruleIds }) => ruleIds);
  expect([...new Set(faultCases.map(({ id }) => id))].sort()).toEqual([...new Set(rules)].sort());
  expect(faultCases.length).toBeGreaterThanOrEqual(20);
});
