import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { cleanUp, start } from '../helpers/cli.js';
import { folder, runCluster } from '../helpers/clusters.js';
import { expressNames } from '../helpers/express-names.js';

afterEach(cleanUp);

const resolver = `const load = require('node:module').createRequire(${JSON.stringify(__filename)});`;

/** A script in a directory of its own. */
function write(name: string, source: string): string {
  const file = path.join(folder(), name);
  writeFileSync(file, source);
  return file;
}

async function takePort() {
  const taken = net.createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  return { taken, port: (taken.address() as net.AddressInfo).port };
}

describe('start gives up', () => {
  it.each([
    ['a syntax error', 'app.cjs', 'const x = ;', /SyntaxError: Unexpected token ';' \(.*app\.cjs:1\)$/],
    ['a syntax error in a module', 'app.mjs', 'const x = ;', /SyntaxError: Unexpected token ';'$/],
    ['a missing export', 'app.mjs', "import { none } from 'node:fs';", /SyntaxError: .*'none'.*$/],
    ['a missing package', 'app.cjs', "require('no-such-package');", /Cannot find module 'no-such-package'$/],
    ['a missing package of a module', 'app.mjs', "import 'no-such-package';", /Cannot find package/],
  ])('at the first start, for %s', async (_, name, source, message) => {
    const { cluster } = start(write(name, source), ['-w', '2']);
    expect((await cluster.exit()).code).toBe(1);
    const last = cluster.log().at(-1);
    expect(last?.msg).toMatch(/^cluster: the app cannot start, giving up: exit code 1; its last error: /);
    expect(last?.lastError).toMatch(message);
  });

  it('not at the first start, for text that is no JSON: it may come from elsewhere', async () => {
    const script = write(
      'run.cjs',
      `${resolver} load('../../dist/index.cjs').runCluster(() => JSON.parse('x'), { workers: 2, maxFailedStarts: 3 });`,
    );
    const cluster = runCluster(script);
    expect((await cluster.exit()).code).toBe(1);
    expect(cluster.log().at(-1)?.msg).toMatch(/^cluster: 3 starts in a row failed, giving up: .*SyntaxError/);
  });

  it.each(expressNames)(
    'for a port that is taken, without a listener for the error, on %s',
    async (express) => {
      const { taken, port } = await takePort();
      const script = write(
        'run.cjs',
        `${resolver} const { runCluster, productionize } = load('../../dist/index.cjs');
       runCluster(() => productionize(load('${express}')()).listen(${port}, '127.0.0.1'), { workers: 2, maxFailedStarts: 2 });`,
      );
      const cluster = runCluster(script);
      expect((await cluster.exit()).code).toBe(1);
      const last = cluster.log().at(-1);
      expect(last?.msg).toMatch(/^cluster: 2 starts in a row failed, giving up: .*EADDRINUSE/);
      taken.close();
    },
  );

  it('and the cause of each death is in the log, where a callback of the app ignores the error', async () => {
    const { taken, port } = await takePort();
    const script = write('app.cjs', `${resolver} load('express')().listen(${port}, '127.0.0.1', () => {});`);
    const { cluster } = start(script, ['-w', '1']);
    const death = await cluster.logged(/^worker 1 died/);
    expect(death.error).toMatch(/EADDRINUSE/);
    taken.close();
  });

  it('for a script that starts no server, and says so', async () => {
    const script = write(
      'run.cjs',
      `${resolver} load('../../dist/index.cjs').runCluster(() => process.exit(0), { workers: 2, maxFailedStarts: 2 });`,
    );
    const cluster = runCluster(script);
    expect((await cluster.exit()).code).toBe(1);
    expect(cluster.log().at(-1)?.lastError).toBe('it exited with code 0 before it started a server');
  });
});
