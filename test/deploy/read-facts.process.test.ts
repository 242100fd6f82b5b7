import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ReadFactsOptions } from '../../src/deploy/index.js';
import { readFacts } from '../../src/deploy/index.js';

const fixture = (name: string) => path.join(__dirname, '../fixtures/deploy', name);
const read = (name: string, options?: ReadFactsOptions) =>
  readFacts(fixture(name), { env: { NODE_OPTIONS: '', NODE_ENV: 'production' }, ...options });

describe('facts are read from', () => {
  it.each(['express', 'express4'])('an app of CommonJS with %s that is not productionized', async (name) => {
    expect(await read('app.cjs', { args: [name] })).toMatchObject({
      name: 'express-productionize',
      script: 'test/fixtures/deploy/app.cjs',
      nodeMajor: Number.parseInt(process.versions.node, 10),
      packageManager: 'npm',
      hasLockFile: true,
      hasBuildScript: true,
      port: 8080,
      readsPort: true,
      health: { liveness: '/livez', readiness: '/readyz', startup: '/startupz' },
      keepAliveTimeoutMs: 12_345,
      headersTimeoutMs: 60_000,
      requestTimeoutMs: 300_000,
      responseTimeoutMs: null,
      bodyLimitBytes: 5 * 2 ** 20,
      staticDirectories: [
        { path: '/inner/files', directory: 'test/fixtures/deploy', behind: ['helmetMiddleware'] },
      ],
      trustProxy: 1,
      compression: true,
      cache: false,
      sessionCookies: ['sid'],
      webSocketPaths: [],
      shutdownMs: 9500,
      shutdownDelayMs: 0,
    });
  });

  it('a productionized ES module with its own server, while another process has its port', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const env = { NODE_OPTIONS: '', NODE_ENV: 'production', FIXED_PORT: String(port) };
    const facts = await read('app.mjs', { env }).finally(() => taken.close());
    expect(facts).toMatchObject({
      port,
      readsPort: false,
      health: { liveness: '/alive', readiness: '/readyz', startup: '/readyz' },
      keepAliveTimeoutMs: 65_000,
      responseTimeoutMs: 5000,
      bodyLimitBytes: null,
      staticDirectories: [{ path: '/assets', directory: 'test/fixtures/deploy', behind: [] }],
      trustProxy: 0,
      compression: false,
      sessionCookies: ['connect.sid'],
      webSocketPaths: ['/'],
      shutdownMs: 3000,
    });
  });

  it('an app that listens in workers of its own', async () => {
    expect(await read('ends.cjs', { args: ['workers'] })).toMatchObject({ port: 3000, readsPort: false });
  });

  it('an app without a default port, which reads PORT', async () => {
    expect(await read('ends.cjs', { args: ['anyPort'] })).toMatchObject({ port: 3000, readsPort: true });
  });

  it('an app with several ports, of which one is named', async () => {
    expect(await read('ends.cjs', { args: ['several'], port: 3002 })).toMatchObject({ port: 3002 });
  });

  it('an app with a parser of uploads, whose limit is not known', async () => {
    expect(await read('ends.cjs', { args: ['uploads'] })).toMatchObject({ bodyLimitBytes: null });
  });

  it('a project with a hostile name', async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'facts-'));
    try {
      const name = '@x/9 My\n"App"; rm -rf $(x)';
      writeFileSync(
        path.join(directory, 'package.json'),
        JSON.stringify({ name, packageManager: 'pnpm@9.0.0' }),
      );
      const express = JSON.stringify(require.resolve('express'));
      writeFileSync(path.join(directory, "it's.cjs"), `require(${express})().listen(3000);`);
      const facts = await readFacts(path.join(directory, "it's.cjs"));
      expect(facts).toMatchObject({
        name: 'my-app-rm-rf-x',
        script: "it's.cjs",
        packageManager: 'pnpm',
        hasLockFile: false,
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('a clear error for an app that', () => {
  it.each([
    ['crash', /ended with exit code 3 before it listened\. Its last output:\n\nthe last words\n/],
    ['never', /did not listen within 2 s/],
    ['blocks', /did not listen within 2 s/],
    ['plain', /no Express app serves in this process. It listens on port 3000/],
    ['socket', /listens on the socket "\/nowhere\/app\.sock", and not on PORT when it is set/],
    ['several', /listens on port 3001, port 3002\. --port names the one/],
  ])('does this: %s', async (doing, message) => {
    await expect(
      read('ends.cjs', { args: [doing], timeoutMs: /never|blocks/.test(doing) ? 2000 : 20_000 }),
    ).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_PRODUCTIONIZE_FACTS', message: expect.stringMatching(message) }),
    );
  });

  it('does not exist', async () => {
    await expect(read('missing.js')).rejects.toThrow(/there is no script ".*missing\.js"/);
  });
});
