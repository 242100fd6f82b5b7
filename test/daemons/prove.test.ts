import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Proof } from '../../src/cli/prove/proof-report.js';
import { folder } from '../helpers/clusters.js';
import { cleanUp, fixture, runs, traced } from '../helpers/drills.js';
import { installed } from '../helpers/installed.js';
import { itNeeds } from '../helpers/needs.js';

const it = itNeeds('nginx', 'haproxy', 'varnishd');

const proxies = ['nginx', 'haproxy', 'varnish'] as const;
const failing = path.join(__dirname, '../fixtures/prove/app.cjs');

afterEach(cleanUp);

/** Proves a file to the end: nothing runs and no file is left. */
async function prove(target: string, script: string, ...args: string[]) {
  const { code, out, err } = await traced(['deploy', target, script, '--prove', '--json', ...args]).done();
  if (out === '') throw new Error(err);
  const proof: Proof = JSON.parse(out);
  const named = (result: string) =>
    proof.rows.filter((row) => row.result === result).map(({ behaviour }) => behaviour);
  process.stdout.write(`${target} in front of ${path.basename(script)}: ${proof.verdict}\n`);
  return {
    code,
    proof,
    named,
    detail: (behaviour: string) => proof.rows.find((row) => row.behaviour === behaviour)?.detail,
  };
}

const ownAddress = 'the app sees the address of the client';
const rolling = 'a rolling restart loses no request';

it('all is proven for an app with all kinds of traffic, by each proxy', async () => {
  const config = path.join(folder(), 'options.json');
  writeFileSync(config, JSON.stringify({ gracefulShutdown: { delayMs: 3000 } }));
  const given = [
    '--config',
    config,
    '--path',
    '/news/1',
    '--event-streams',
    '/events',
    '--web-sockets',
    '/ws',
  ];
  const more = {
    // the kernel may reset an upload that nginx must not send again
    nginx: ['--cache', 'yes', '--affinity', 'cookie'],
    haproxy: ['--affinity', 'cookie', '--upload', '/upload'],
    varnish: ['--affinity', 'ip', '--upload', '/upload'],
  };
  const results = await Promise.all(
    proxies.map((target) => prove(target, fixture('app.mjs'), ...given, ...more[target])),
  );
  expect(results.map(({ named }) => named('not proven'))).toEqual([[], [], []]);
  expect(results.map(({ named }) => named('not applicable'))).toEqual([
    ['no upload is handled twice'],
    ['the second request is a HIT'],
    [],
  ]);
  expect(results.map(({ code }) => code)).toEqual([0, 0, 0]);
  for (const { proof } of results) {
    expect(proof.rows).toHaveLength(13);
    const kinds = proof.traffic.filter(({ phase }) => phase === 'restarted').map(({ kind }) => kind);
    expect(kinds).toEqual(expect.arrayContaining(['keep-alive', 'WebSockets', 'event streams']));
    expect(proof.traffic.every(({ sent }) => sent > 0)).toBe(true);
  }
});

it('the example is proven by each proxy, except that it trusts no proxy', async () => {
  const example = path.join(__dirname, '../../examples/app.js');
  const results = await Promise.all(proxies.map((target) => prove(target, example)));
  for (const { code, named, detail } of results) {
    expect(named('not proven')).toEqual([ownAddress]);
    expect(detail(ownAddress)).toBe("127.0.0.1 instead of 127.0.0.2: app.set('trust proxy', 1)");
    expect(code).toBe(1);
  }
});

it('json-server by its own command, and Verdaccio on Express 5, are proven in the same way', async () => {
  const db = path.join(folder(), 'db.json');
  writeFileSync(db, JSON.stringify({ people: [{ id: 1, name: 'Ada' }] }));
  const home = installed('@verdaccio/server', '9.0.0-next-9.31');
  const verdaccio = path.join(__dirname, '../fixtures/real-verdaccio.mjs');
  const results = await Promise.all([
    prove(
      'haproxy',
      require.resolve('json-server/lib/cli/bin.js'),
      '--path',
      '/people/1',
      '--',
      db,
      '--quiet',
    ),
    prove('nginx', verdaccio, '--port', '4873', '--path', '/-/ping', '--', 'plain', home, folder()),
  ]);
  for (const { named, proof } of results) {
    expect(named('not proven').filter((behaviour) => behaviour !== ownAddress)).toEqual([]);
    expect(named('proven')).toContain(rolling);
    expect(proof.status).toBe(200);
  }
});

it('an app that responds with 500, closes idle connections, does not respond, or dies is not proven', async () => {
  const ways = ['fails', 'closes', 'hangs', 'dies'];
  const [fails, closes, hangs, dies] = await Promise.all(
    ways.map((way) => prove('nginx', failing, '--', way)),
  );
  expect([fails, closes, hangs, dies].map((result) => result?.code)).toEqual([1, 1, 1, 1]);
  const arrives = 'the response of the app arrives';
  expect(fails?.detail(arrives)).toBe('GET /: 500, and the app itself responds with 500');
  expect(closes?.detail('connections to the app are reused')).toContain(
    'after 1 ms: server.keepAliveTimeout',
  );
  expect(closes?.named('not proven')).toEqual(['connections to the app are reused']);
  for (const result of [hangs, dies]) {
    expect(result?.detail(arrives)).toBe('GET /: the app itself does not respond');
    expect(result?.proof.rows).toHaveLength(1);
  }
});

it('SIGINT during the proof ends the proxy and the app, and removes all files', async () => {
  const started = traced(['deploy', 'varnish', fixture('app.mjs'), '--prove']);
  await runs(started.dir, 'varnishd');
  started.child.kill('SIGINT');
  const { code, out } = await started.done();
  expect({ code, out }).toEqual({ code: 130, out: '' });
});

it('a proxy that is not installed is named with its package', async () => {
  const env = { PATH: folder() };
  const { code, out, err } = await traced(['deploy', 'nginx', fixture('app.mjs'), '--prove'], env).done();
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toBe(
    'deploy: nginx is not installed: install the package nginx (apt-get install nginx), or add its directory to PATH.',
  );
});
