import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { AuditReport } from '../../src/doctor/index.js';
import { cleanUp, cli } from '../helpers/cli.js';

const express = JSON.stringify(path.join(__dirname, '../../node_modules/express'));
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'doctor-measured-'));
});
afterEach(() => {
  cleanUp();
  rmSync(directory, { recursive: true });
});

async function measured(handler: string): Promise<AuditReport['measured']> {
  const script = path.join(directory, 'app.cjs');
  writeFileSync(
    script,
    `const app = require(${express})();
    app.get('/page', ${handler});
    app.listen(0);
    process.on('uncaughtException', () => process.exit(1));
    process.on('SIGTERM', () => process.exit(0));`,
  );
  const { code, out, err } = await cli(['doctor', script, '--json', '--fail-on', 'never']);
  if (code !== 0) throw new Error(err);
  return (JSON.parse(out) as AuditReport).measured;
}

describe('the load of the doctor', () => {
  it('shows an app whose code blocks the event loop', async () => {
    const blocks = '(_req, res) => { const end = Date.now() + 60; while (Date.now() < end); res.send("x"); }';
    const found = await measured(blocks);
    expect(found?.heldBackBy).toBe('event loop');
    expect(found?.eventLoop.delayP99Ms).toBeGreaterThan(20);
    expect(found?.routes).toEqual([
      expect.objectContaining({ route: 'GET /page', requests: expect.any(Number) }),
    ]);
    expect(found?.routes[0]?.p50Ms).toBeGreaterThan(50);
  });

  it('shows an app that waits', async () => {
    const found = await measured('(_req, res) => { setTimeout(() => res.send("x"), 300); }');
    expect(found?.heldBackBy).toBe('I/O');
    expect(found?.requestsPerSecond).toBeLessThan(60);
  });
});
