import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  cleanUp,
  failures,
  folder,
  freePort,
  pidAt,
  printCounts,
  startChild,
  underLoad,
  until,
} from '../helpers/daemons.js';
import { itNeeds } from '../helpers/needs.js';
import { killAll, type Program, run } from '../helpers/program.js';
import { get } from '../helpers/serve.js';

const it = itNeeds('haproxy', 'wrk');

afterEach(async () => {
  killAll();
  await cleanUp();
});

/** HAProxy in front of two instances that it asks for their readiness; nothing is sent twice. */
async function balanced(ports: readonly [number, number]): Promise<number> {
  const port = await freePort();
  const home = folder();
  const config = path.join(home, 'haproxy.cfg');
  writeFileSync(
    config,
    `defaults
  mode http
  timeout connect 1s
  timeout check 5s
  timeout client 10s
  timeout server 10s
  retries 0
frontend web
  bind 127.0.0.1:${port}
  default_backend app
backend app
  option httpchk GET /readyz
  http-reuse safe
  default-server check inter 100ms fall 1 rise 1
  server a 127.0.0.1:${ports[0]}
  server b 127.0.0.1:${ports[1]}
`,
  );
  startChild('haproxy', ['-db', '-f', config]);
  await pidAt(port);
  return port;
}

/** SIGTERMs and replaces one of two instances per round, under load. */
async function rounds(count: number, options: object, express: string) {
  const ports = [await freePort(), await freePort()] as const;
  const boot = async (port: number): Promise<Program> => {
    const program = run('managed.mjs', {
      env: { PORT: String(port), OPTIONS: JSON.stringify(options), EXPRESS: express },
    });
    await program.port();
    return program;
  };
  const programs = await Promise.all(ports.map(boot));
  const port = await balanced(ports);
  const bothServe = async () => {
    const seen = new Set<string>();
    await until(async () => {
      seen.add((await get(`http://127.0.0.1:${port}/`)).text);
      const alive = programs.map(({ child }) => String(child.pid));
      return alive.every((pid) => seen.has(pid));
    });
  };
  await bothServe();
  const exits: unknown[] = [];
  const results = await underLoad(port, async () => {
    for (let n = 0; n < count; n++) {
      const old = programs[n % 2] as Program;
      const exit = once(old.child, 'exit');
      old.child.kill('SIGTERM');
      exits.push((await exit)[0]);
      programs[n % 2] = await boot(ports[n % 2] as number);
      await bothServe();
    }
  });
  return { results, exits };
}

it('20 rounds of SIGTERM and replace behind HAProxy lose no request', async () => {
  const { results, exits } = await rounds(20, { gracefulShutdown: { delayMs: 500 } }, 'express');
  printCounts('20 rounds behind HAProxy', results);
  expect(failures(results)).toEqual([]);
  expect(exits).toEqual(Array(20).fill(0));
});

it('the same without gracefulShutdown loses some', async () => {
  const { results, exits } = await rounds(5, { gracefulShutdown: false }, 'express');
  printCounts('5 rounds behind HAProxy without gracefulShutdown', results);
  expect(failures(results)).not.toEqual([]);
  expect(exits).toEqual(Array(5).fill(null));
});
