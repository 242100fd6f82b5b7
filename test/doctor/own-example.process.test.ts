import path from 'node:path';
import type { AuditReport } from '../../src/doctor/index.js';
import { cleanUp, cli } from '../helpers/cli.js';

const example = path.join(__dirname, '../../examples/app.js');

afterEach(cleanUp);

it('the example of this project has no fault and the score 100, but for a line of Node that has ended', async () => {
  const { out } = await cli([
    'doctor',
    example,
    '--json',
    '--silence',
    'node-end-of-life=Node runs the test',
  ]);
  const { score, findings } = JSON.parse(out) as AuditReport;
  expect([findings, score]).toEqual([[], 100]);
});
