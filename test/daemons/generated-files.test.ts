import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { DeploymentFacts } from '../../src/deploy/deployment-facts.js';
import { logrotate } from '../../src/deploy/targets/logrotate.js';
import { type SystemdOptions, systemd } from '../../src/deploy/targets/systemd.js';
import { createLogDestination } from '../../src/logging/index.js';
import { afterwards, cleanUp, execFile, folder } from '../helpers/daemons.js';
import { plainFacts } from '../helpers/facts.js';
import { describeNeeds } from '../helpers/needs.js';

afterEach(cleanUp);

const facts: readonly Partial<DeploymentFacts>[] = [
  {},
  { workers: 1 },
  { workers: 64, startupMs: 0, shutdownMs: 0 },
  { memoryBytes: 2 ** 28 },
  { memoryBytes: 2 ** 40 + 1, workers: 1 },
  { port: 80 },
  { port: 443, workers: 1, memoryBytes: 2 ** 30 },
  { port: 65_535, name: '0-web', script: 'dist/server.mjs' },
  { script: 'a b$HOME%n"\'\\;#ü.js' },
  { shutdownMs: 2 ** 31 - 1, startupMs: 2 ** 31 - 1, name: 'a'.repeat(64) },
];
const options: readonly SystemdOptions[] = [
  {},
  { socket: true },
  { template: true },
  { template: true, socket: true, user: 'web', environmentFile: '/etc/hostname' },
  { user: 'web', directory: '/home/web/app', writable: ['/var/lib', '/srv'] },
];
const sets = facts.flatMap((some) => options.map((chosen) => [some, chosen] as const));

async function exposureOf(unit: string, cwd: string): Promise<number> {
  const { stdout } = await execFile('systemd-analyze', ['security', '--offline=true', '--no-pager', unit], {
    cwd,
  });
  return Number(/exposure level for .*: ([\d.]+)/.exec(stdout)?.[1]);
}

describeNeeds('systemd-analyze')('systemd accepts the units', () => {
  it(`for ${sets.length} sets of facts and options, each with an exposure of at most 2.0`, async () => {
    const exposures = new Set<number>();
    for (const [some, chosen] of sets) {
      const directory = folder();
      const given = { ...plainFacts, ...some };
      const files = systemd.generate(given, { node: process.execPath, ...chosen });
      // an instance stands for the template, in which mistakes are found only when it is used
      const names = files.map(({ name }) => name.replace('@', `@${given.port}`));
      for (const [i, { text }] of files.entries())
        writeFileSync(path.join(directory, names[i] as string), text);
      const analyze = (...args: string[]) => execFile('systemd-analyze', args, { cwd: directory });
      const paths = names.map((name) => `./${name}`);
      const printed = await analyze('verify', '--man=no', '--recursive-errors=no', ...paths);
      expect([some, chosen, printed.stdout + printed.stderr]).toEqual([some, chosen, '']);
      const exposure = await exposureOf(paths[0] as string, directory);
      expect(exposure).toBeLessThanOrEqual(2);
      exposures.add(exposure);
    }
    process.stdout.write(`exposure of ${sets.length} units: ${[...exposures].sort().join(', ')}\n`);
  });

  it('the checks find a mistake, and a service without a sandbox', async () => {
    const directory = folder();
    const [service] = systemd.generate(plainFacts, { node: process.execPath });
    const wrong = (service?.text ?? '').replace('Restart=always', 'Restart=allways');
    writeFileSync(path.join(directory, 'web.service'), wrong);
    const args = ['verify', '--man=no', '--recursive-errors=no', './web.service'];
    expect(spawnSync('systemd-analyze', args, { cwd: directory }).status).toBe(1);
    writeFileSync(path.join(directory, 'open.service'), `[Service]\nExecStart=${process.execPath}\n`);
    expect(await exposureOf('./open.service', directory)).toBeGreaterThan(9);
  });
});

describeNeeds('logrotate')('logrotate', () => {
  it('rotates the file of a running logger, which writes on to the same path', async () => {
    const directory = folder();
    const log = path.join(directory, 'log');
    mkdirSync(log, { mode: 0o755 });
    const file = path.join(log, 'app.log');
    const [config] = logrotate.generate(plainFacts, { log: path.join(log, '*.log') });
    const configFile = path.join(directory, 'web');
    writeFileSync(configFile, config?.text ?? '');
    chmodSync(configFile, 0o644);
    const rotate = () =>
      execFileSync('logrotate', ['--force', '--state', path.join(directory, 'state'), configFile], {
        stdio: 'pipe',
      });
    const destination = createLogDestination({ path: file });
    afterwards(() => destination.close());
    const inode = statSync(file).ino;
    for (const line of ['first', 'second', 'third']) {
      destination.write(`${line}\n`);
      await destination.flush();
      if (line !== 'third') rotate();
    }
    expect(readFileSync(file, 'utf8')).toBe('third\n');
    expect(statSync(file).ino).toBe(inode);
    expect(readdirSync(log).sort()).toEqual(['app.log', 'app.log.1.gz', 'app.log.2.gz']);
    const archived = (name: string) =>
      execFileSync('gzip', ['-dc', path.join(log, name)], { encoding: 'utf8' });
    expect([archived('app.log.2.gz'), archived('app.log.1.gz')]).toEqual(['first\n', 'second\n']);
  });
});
