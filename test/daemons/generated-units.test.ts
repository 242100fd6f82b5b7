import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { DeploymentFacts } from '../../src/deploy/deployment-facts.js';
import { type SystemdOptions, systemd } from '../../src/deploy/targets/systemd.js';
import {
  cleanUp,
  failures,
  folder,
  freePort,
  pidAt,
  printCounts,
  underLoad,
  until,
} from '../helpers/daemons.js';
import { plainFacts } from '../helpers/facts.js';
import { describeNeeds } from '../helpers/needs.js';
import { get } from '../helpers/serve.js';
import { type SystemManager, startSystemManager } from '../helpers/system-manager.js';

const root = path.join(__dirname, '../..');
const node = '/opt/node';
let manager: SystemManager;
let ports: Record<'cluster' | 'one' | 'held' | 'first' | 'second' | 'installed', number>;

/** The generated files of an app in /srv/web. */
function units(facts: Partial<DeploymentFacts>, options: SystemdOptions = {}): Record<string, string> {
  const files = systemd.generate(
    { ...plainFacts, script: 'app.mjs', ...facts },
    { node, directory: '/srv/web', ...options },
  );
  return Object.fromEntries(files.map(({ name, text }) => [name, text]));
}

async function boot() {
  // its parent is for this user only, and the app runs as another
  const app = path.join(folder(), 'web');
  const library = path.join(app, 'node_modules/express-productionize');
  mkdirSync(path.join(library, 'dist'), { recursive: true });
  copyFileSync(path.join(root, 'package.json'), path.join(library, 'package.json'));
  copyFileSync(path.join(root, 'test/fixtures/deployed.mjs'), path.join(app, 'app.mjs'));
  return startSystemManager(
    {
      ...units({ name: 'cluster', workers: 2, port: ports.cluster, memoryBytes: 512 * 2 ** 20 }),
      ...units({ name: 'one', workers: 1, port: ports.one }),
      ...units({ name: 'held', workers: 2, port: ports.held }, { socket: true }),
      ...units({ name: 'each', readsPort: true }, { template: true }),
      // a test waits for no more than this
      'one.service.d/test.conf': '[Service]\nWatchdogSec=2\nRestartSec=0\n',
      'cluster.service.d/test.conf': '[Service]\nRestartSec=0\n',
    },
    [
      `${app}:/srv/web`,
      `${path.join(root, 'dist')}:/srv/web/node_modules/express-productionize/dist`,
      `${path.join(root, 'node_modules')}:/srv/node_modules`,
      `${process.execPath}:${node}`,
    ],
  );
}

describeNeeds(
  'systemd-nspawn',
  'unshare',
  'nsenter',
)('the generated units under a systemd of the system', () => {
  beforeAll(async () => {
    const [cluster, one, held, first, second, installed] = await Promise.all(
      Array.from({ length: 6 }, freePort),
    );
    ports = { cluster, one, held, first, second, installed } as typeof ports;
    manager = await boot();
  });
  afterAll(cleanUp);

  it('a cluster is active when its workers are ready, in its sandbox', async () => {
    await manager.systemctl('start', 'cluster');
    expect(await manager.show('cluster', 'StatusText')).toBe('2 of 2 workers ready');
    const inside = await get(`http://127.0.0.1:${ports.cluster}/inside`);
    expect(JSON.parse(inside.text)).toMatchObject({
      interfaces: expect.arrayContaining(['lo']),
      user: expect.any(Number),
      mode: 'production',
    });
    expect(JSON.parse(inside.text).user).toBeGreaterThan(60_000);
    const write = async (directory: string) =>
      (await get(`http://127.0.0.1:${ports.cluster}/write?directory=${directory}`)).status;
    expect(await write('/var/lib/cluster')).toBe(200);
    expect(await write('/var/log/cluster')).toBe(200);
    expect(await write('/tmp')).toBe(200);
    expect(await write('/var/tmp/..')).toBe(500);
    expect(await write('/srv/web')).toBe(500);
  });

  it('a reload under load replaces both workers and loses no request', async () => {
    const before = await manager.show('cluster', 'MainPID');
    const results = await underLoad(ports.cluster, async () => {
      await manager.systemctl('reload', 'cluster');
    });
    printCounts('a reload by systemd', results);
    expect(failures(results)).toEqual([]);
    expect(await manager.show('cluster', 'MainPID')).toBe(before);
    const log = await manager.run('journalctl', '-o', 'cat', '-u', 'cluster');
    expect(log).toContain('reload: done');
  });

  it('a cluster whose primary was killed is started again', async () => {
    const before = await pidAt(ports.cluster);
    await manager.systemctl('kill', '--kill-who=main', '-s', 'KILL', 'cluster');
    await pidAt(ports.cluster, before);
    await until(async () => (await manager.show('cluster', 'ActiveState')) === 'active');
    expect(await manager.show('cluster', 'NRestarts')).toBe('1');
  });

  it('a stop waits for an open request, and succeeds', async () => {
    const slow = get(`http://127.0.0.1:${ports.cluster}/slow/500`);
    await until(async () => (await manager.run('ss', '-Htn', 'sport', '=', `:${ports.cluster}`)) !== '');
    await manager.systemctl('stop', 'cluster');
    expect(await slow).toMatchObject({ status: 200, text: 'slow' });
    expect(await manager.show('cluster', 'Result')).toBe('success');
  });

  it('one process is started again after a crash, and by the watchdog when its loop is blocked', async () => {
    await manager.systemctl('start', 'one');
    const first = await pidAt(ports.one);
    expect(await manager.show('one', 'MainPID')).toBe(first);
    expect((await get(`http://127.0.0.1:${ports.one}/crash`)).status).toBe(500);
    const second = await pidAt(ports.one, first);
    await until(async () => (await manager.show('one', 'ActiveState')) === 'active');
    await expect(get(`http://127.0.0.1:${ports.one}/block`)).rejects.toThrow();
    await pidAt(ports.one, second);
    expect(await manager.show('one', 'NRestarts')).toBe('2');
    const log = await manager.run('journalctl', '-o', 'cat', '-u', 'one');
    expect(log).toContain('Watchdog timeout (limit 2s)');
    await manager.systemctl('stop', 'one');
  });

  it('with a socket, a restart under load refuses no connection', async () => {
    await manager.systemctl('start', 'held');
    const results = await underLoad(ports.held, async () => {
      await manager.systemctl('restart', 'held.service');
    });
    printCounts('a restart behind a socket of systemd', results);
    expect(failures(results)).toEqual([]);
    await manager.systemctl('stop', 'held.socket', 'held.service');
  });

  it('instances of a template listen each on the port that is its name', async () => {
    await manager.systemctl('start', `each@${ports.first}`, `each@${ports.second}`);
    expect(await manager.show(`each@${ports.first}`, 'MainPID')).toBe(await pidAt(ports.first));
    expect(await manager.show(`each@${ports.second}`, 'MainPID')).toBe(await pidAt(ports.second));
  });

  it('deploy systemd --install writes a unit, loads it and starts it; --dry-run only prints this', async () => {
    const program = '/srv/web/node_modules/express-productionize/dist/cli.js';
    const install = (...flags: string[]) => {
      const command = [
        node,
        program,
        'deploy',
        'systemd',
        '/srv/web/app.mjs',
        '--node',
        node,
        '--directory',
        '/srv/web',
      ];
      return ['env', `PORT=${ports.installed}`, ...command, ...flags];
    };
    const printed = await manager.run(...install('--install', '--dry-run'));
    expect(printed).toMatch(/^write \/etc\/systemd\/system\/(\S+)\.service:\n# /);
    const name = /system\/(\S+)\.service/.exec(printed)?.[1] as string;
    expect(printed).toContain(`run systemctl daemon-reload\nrun systemctl enable --now ${name}.service`);
    await expect(manager.run('test', '-e', `/etc/systemd/system/${name}.service`)).rejects.toThrow();
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    await expect(manager.run(...nobody, ...install('--install'))).rejects.toThrow(/Only root may write/);
    await manager.run(...install('--install'));
    expect(await manager.show(name, 'ActiveState')).toBe('active');
    expect(await manager.show(name, 'UnitFileState')).toBe('enabled');
    const text = await manager.run('cat', `/etc/systemd/system/${name}.service`);
    expect(`${printed}\n`).toContain(text);
    await manager.systemctl('stop', name);
  });
});
