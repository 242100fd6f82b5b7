import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileKinds } from '../../../src/deploy/check/file-kinds.js';
import { outOfDate } from '../../../src/deploy/check/freshness.js';

it('the page of the check has each rule, and no other', () => {
  const page = readFileSync(path.join(__dirname, '../../../docs/deploy-check.md'), 'utf8');
  const documented = [...page.matchAll(/^\| `([a-z\d]+\/[\w-]+)`/gm)].map(([, id]) => id);
  expect(documented.sort()).toEqual([outOfDate, ...fileKinds.flatMap(({ ruleIds }) => ruleIds)].sort());
});
