import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { folder, freePort } from './daemons.js';
import { type Orders, ordersWhile } from './orders.js';
import { type Program, run } from './program.js';

/** Two instances of an app, on ports that stay the same over restarts. */
export interface Instances {
  readonly ports: readonly [number, number];
  readonly upstreams: string[];
  /** The directory of the project, with `public` in it. */
  readonly project: string;
  /** All programs that ran, the current one of each instance last. */
  readonly programs: Program[][];
  current(index: number): Program;
  pids(): number[];
  start(index: number): Promise<void>;
  kill(index: number): Promise<void>;
}

export async function instances(options: object = {}): Promise<Instances> {
  const ports = [await freePort(), await freePort()] as const;
  const project = folder();
  mkdirSync(path.join(project, 'public'));
  const write = (name: string, text: string) => writeFileSync(path.join(project, 'public', name), text);
  write('plain.txt', 'plain');
  write('app-3f9a0c1d.js', `// ${'x'.repeat(2000)}`);
  write('.secret', 'content of a dotfile');
  const programs: Program[][] = [[], []];
  const current = (index: number) => programs[index]?.at(-1) as Program;
  const all: Instances = {
    ports,
    upstreams: ports.map((port) => `127.0.0.1:${port}`),
    project,
    programs,
    current,
    pids: () => [0, 1].map((index) => current(index).child.pid as number),
    async start(index) {
      const program = run('behind-proxy.mjs', {
        env: {
          PORT: String(ports[index]),
          PUBLIC: path.join(project, 'public'),
          OPTIONS: JSON.stringify(options),
        },
      });
      programs[index]?.push(program);
      await program.port();
    },
    async kill(index) {
      current(index).child.kill('SIGKILL');
      await current(index).exit();
    },
  };
  await Promise.all([all.start(0), all.start(1)]);
  return all;
}

/** Replaces each instance while orders arrive, and returns what clients saw and how often an order was handled. */
export async function rollingRestart(
  url: string,
  all: Instances,
): Promise<Orders & { readonly handled: number; readonly twice: readonly string[] }> {
  const orders = await ordersWhile(url, 300, async () => {
    for (const index of [0, 1]) {
      const old = all.current(index);
      const exit = once(old.child, 'exit');
      old.child.kill('SIGTERM');
      await exit;
      await all.start(index);
      const ready = all.current(index);
      await ready.line(/^order /);
    }
  });
  const lines = all.programs.flat().flatMap(({ err }) => err.filter((line) => /^order \d+$/.test(line)));
  const seen = new Set<string>();
  const twice = lines.filter((line) => seen.size === seen.add(line).size);
  return { ...orders, handled: seen.size, twice };
}
