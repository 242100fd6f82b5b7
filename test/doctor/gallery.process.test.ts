import path from 'node:path';
import { checks } from '../../src/doctor/checks/index.js';
import type { AuditReport } from '../../src/doctor/index.js';
import { cleanUp, cli } from '../helpers/cli.js';

const gallery = path.join(__dirname, '../fixtures/doctor/gallery.cjs');

afterEach(cleanUp);

/** The faults that an audit names, without that of the Node that runs the test. */
async function faults(words: string[], flags: string[] = [], env: NodeJS.ProcessEnv = {}): Promise<string[]> {
  const { code, out, err } = await cli(['doctor', gallery, '--json', ...flags, '--', ...words], env);
  if (code === 2) throw new Error(err);
  const { findings } = JSON.parse(out) as AuditReport;
  return findings.map(({ id }) => id).filter((id) => id !== 'node-end-of-life');
}

/** Those that only the signals and the exception of the doctor show. */
const bySignals = ['sigterm-loses-requests', 'sigterm-ignored', 'exception-ignored'];
/** Those of the environment, of Node and of the project are in other tests. */
const elsewhere = ['node-env', 'node-end-of-life', 'development-tool'];
const ids = checks.map(({ id }) => id).filter((id) => !elsewhere.includes(id));

describe.each(ids)('an app with the fault %s', (id) => {
  const express = id === 'async-handler-unhandled' ? 'express4' : 'express';
  const flags = bySignals.includes(id) ? [] : ['--ci'];

  it('has this fault only', async () => {
    expect(await faults([express, id, 'sick'], flags)).toEqual([id]);
  });

  it('has none without it', async () => {
    expect(await faults([express, id, 'healthy'], flags)).toEqual([]);
  });
});

describe('an app that follows the guide by hand', () => {
  it.each(['express4', 'express'])('has no fault on %s, three times', async (express) => {
    for (let i = 0; i < 3; i++) expect(await faults([express, 'none', 'healthy'])).toEqual([]);
  });

  it.each([
    ['Production', ['node-env']],
    ['prod', ['node-env']],
    ['production', []],
  ])('with NODE_ENV=%s has the faults %j', async (NODE_ENV, expected) => {
    expect(await faults(['express', 'none', 'healthy'], ['--ci'], { NODE_ENV })).toEqual(expected);
  });
});
