import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import type net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { itNeeds } from '../../helpers/needs.js';
import { run } from '../../helpers/program.js';
import { repetitions } from '../../helpers/repetitions.js';
import { get } from '../../helpers/serve.js';
import { clean, cleanUp, open, refused } from '../../helpers/shutdowns.js';

afterEach(cleanUp);

const loopback: net.LookupFunction = (_host, { all }, done) =>
  all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4);

describe('gracefulShutdown', () => {
  itNeeds('openssl')(
    'one drain covers http, https and http2 with and without TLS, and health stays reachable until the end',
    async () => {
      const folder = mkdtempSync(path.join(tmpdir(), 'shutdown-'));
      const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(folder, name)) as [string, string];
      execFileSync(
        'openssl',
        [
          'req',
          '-x509',
          '-newkey',
          'ec',
          '-pkeyopt',
          'ec_paramgen_curve:prime256v1',
          '-nodes',
          '-days',
          '2',
        ].concat(['-subj', '/CN=localhost', '-keyout', key, '-out', cert]),
        { stdio: 'ignore' },
      );
      const program = run('shutdown-many.mjs', { args: [key, cert] });
      const ports = (await program.line(/^ports/)).match(/\d+/g) as string[];
      const ca = readFileSync(cert);
      const sessions = [
        http2.connect(`http://127.0.0.1:${ports[2]}`),
        http2.connect(`https://127.0.0.1:${ports[3]}`, { ca, checkServerIdentity: () => undefined }),
      ];
      const goodbyes = sessions.map((session) => once(session, 'goaway').then(([code]) => code));
      const slow = [
        get(`http://127.0.0.1:${ports[0]}/slow`),
        get(`https://localhost:${ports[1]}/slow`, { agent: new https.Agent({ ca, lookup: loopback }) }),
        ...sessions.map(async (session) => {
          const streamed = session.request({ ':path': '/slow' });
          const [headers] = await once(streamed, 'response');
          for await (const _ of streamed);
          return { status: headers[':status'], headers: { connection: 'close' } };
        }),
      ];
      while (program.err.filter((line) => line === 'arrived').length < 4) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      program.child.kill('SIGTERM');
      await program.line(/draining/);
      for (const port of ports.slice(0, 4)) await refused(Number(port));
      const health = () => get(`http://127.0.0.1:${ports[4]}`).then(({ text }) => text);
      expect(await health()).toBe('alive');
      program.child.kill('SIGUSR2');
      for (const answer of await Promise.all(slow)) {
        expect(answer).toMatchObject({ status: 200, headers: { connection: 'close' } });
      }
      await program.line(/in the hook/);
      expect(await health()).toBe('alive');
      program.child.kill('SIGHUP');
      expect(await program.exit()).toEqual(clean);
      expect(await Promise.all(goodbyes)).toEqual([
        http2.constants.NGHTTP2_NO_ERROR,
        http2.constants.NGHTTP2_NO_ERROR,
      ]);
      for (const session of sessions) session.destroy();
    },
  );

  it('a request of 9 s survives with no option given', async () => {
    const program = run('shutdown.mjs', { args: ['express', JSON.stringify({ releaseMs: 9000 })] });
    const slow = await open(await program.port());
    await slow.request('/slow/9');
    await program.line(/arrived 9/);
    program.child.kill('SIGTERM');
    expect(await slow.answer()).toContain('slow 9');
    expect(await program.exit()).toEqual(clean);
  });

  const cycles = repetitions(1000, 100);

  it.each(['close', 'uninstall', 'productionize'])(
    `handles, listeners and memory stay flat over ${cycles.toLocaleString('en')} listen/close cycles (%s)`,
    async (how) => {
      const program = run('shutdown-cycles.mjs', {
        args: ['express', how, String(cycles)],
        nodeArgs: ['--expose-gc'],
      });
      expect(await program.exit()).toEqual(clean);
      const { before, after } = JSON.parse(program.out.join(''));
      expect(after.handles).toBe(before.handles);
      expect(after.listeners).toBe(before.listeners);
      // under 2 kB for each of 1,000 cycles: noise of the heap
      expect(after.heap - before.heap).toBeLessThan(2_000_000);
    },
    60_000,
  );
});
