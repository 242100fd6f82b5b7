import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cli, program } from '../helpers/cli.js';
import { afterwards, cleanUp, execFile, folder, freePort, until } from '../helpers/daemons.js';
import { describeNeeds } from '../helpers/needs.js';
import { killAll, type Program, run } from '../helpers/program.js';
import { type CacheProxy, isOpen, started } from '../helpers/proxies.js';
import { lossesDuring } from '../helpers/release-load.js';
import { apps } from '../helpers/releases.js';
import { type SecondHost, startSecondHost } from '../helpers/second-host.js';

interface WatchedCluster {
  readonly upstream: string;
  start(): Program;
  /** Ends it as its user does. */
  stop(): Promise<void>;
}

let host: SecondHost;
/** The app, in a directory of this host and of the second one. */
let script: string;
/** A cluster on this host, and one on the second. */
let here: WatchedCluster;
let there: WatchedCluster;
let env: NodeJS.ProcessEnv;
const proxies: CacheProxy[] = [];

/** The upstreams that the command applied last become these. */
async function becomes(watch: Program, ...clusters: readonly WatchedCluster[]): Promise<void> {
  const line = `upstreams: ${clusters.map(({ upstream }) => upstream).join(', ')}`;
  while (watch.out.at(-1) !== line) await watch.more();
}

function watchOf(target: string, out: string, ...flags: string[]): Program {
  const hosts = `local,${host.address}=root@${host.name}:${path.dirname(script)}`;
  const own = ['--watch', hosts, '--name', 'web', '--remote-node', process.execPath, '--out', out];
  return run(program, { args: ['deploy', target, script, ...own, ...flags], env });
}

/** Each cluster leaves and returns while requests arrive. */
async function comeAndGo(
  what: string,
  url: string,
  watch: Program,
  options = {},
): Promise<readonly string[]> {
  const work = async () => {
    await here.stop();
    await becomes(watch, there);
    here.start();
    await becomes(watch, here, there);
    await there.stop();
    await becomes(watch, here);
    there.start();
    await becomes(watch, here, there);
  };
  return lossesDuring(what, url, work, options);
}

describeNeeds(
  'ip',
  'ssh',
  'sshd',
  'nginx',
  'haproxy',
  'socat',
)('the upstreams from the state of two hosts', () => {
  beforeAll(async () => {
    script = path.join(folder(), 'app.mjs');
    writeFileSync(script, apps.good('one'));
    const modules = path.join(path.dirname(script), 'node_modules');
    mkdirSync(modules);
    const root = path.join(__dirname, '../..');
    symlinkSync(root, path.join(modules, 'express-productionize'));
    symlinkSync(path.join(root, 'node_modules/express'), path.join(modules, 'express'));
    writeFileSync(path.join(path.dirname(script), 'package.json'), '{ "name": "web" }');
    const config = path.join(folder(), 'options.json');
    writeFileSync(config, JSON.stringify({ gracefulShutdown: { delayMs: 3000 } }));
    const [port, hereDir, thereDir] = [await freePort(), folder(), folder()];
    host = await startSecondHost({ PORT: '3000', EXPRESS_PRODUCTIONIZE_RUNTIME_DIR: thereDir });
    env = {
      PATH: `${host.bin}:${process.env.PATH}`,
      EXPRESS_PRODUCTIONIZE_RUNTIME_DIR: hereDir,
      PORT: String(port),
    };
    const args = ['start', script, '--workers', '1', '--name', 'web', '--config', config];
    const stop = async (dir: string): Promise<void> => {
      await cli(['stop', '--runtime-dir', dir]);
    };
    here = {
      upstream: `127.0.0.1:${port}`,
      start: () => run(program, { args, env }),
      stop: () => stop(hereDir),
    };
    there = {
      upstream: `${host.address}:3000`,
      start: () =>
        run(path.join(host.bin, 'ssh'), {
          executable: true,
          args: [`root@${host.name}`, 'exec', process.execPath, program, ...args],
        }),
      stop: () => stop(thereDir),
    };
    afterwards(() => Promise.all([here.stop(), there.stop()]));
    here.start();
    there.start();
  });

  afterEach(async () => {
    for (const proxy of proxies.splice(0)) await proxy.stop();
  });

  afterAll(async () => {
    await cleanUp();
    killAll();
  });

  it('are those of nginx: no request fails while clusters leave and return, and no list replaces the last one', async () => {
    const home = folder();
    const sites = path.join(home, 'sites');
    for (const name of ['tmp', 'sites']) mkdirSync(path.join(home, name));
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    writeFileSync(
      path.join(home, 'nginx.conf'),
      `daemon off; user root; worker_processes 1; pid nginx.pid; error_log stderr crit; events {}
http { access_log off; ${temporary.map((kind) => `${kind}_temp_path tmp/${kind};`).join(' ')} include sites/*.conf; }
`,
    );
    const [port, other] = [await freePort(), await freePort()];
    writeFileSync(path.join(sites, 'other.conf'), `server { listen 127.0.0.1:${other}; return 204; }\n`);
    const nginx = `nginx -p ${home} -c nginx.conf -e stderr`;
    const [command = '', ...args] = nginx.split(' ');
    proxies.push(await started(command, args, other, () => isOpen(other)));
    const reload = ['--reload-command', `${nginx} -q -t && ${nginx} -s reload`];
    const watch = watchOf('nginx', sites, '--listen', `127.0.0.1:${port}`, '--unseen', '3', ...reload);
    await becomes(watch, here, there);
    await until(() => isOpen(port));
    // before 1.27.4, a reload closes idle connections, also where a client is about to send a request
    const lost = await comeAndGo('nginx and its upstreams', `http://127.0.0.1:${port}`, watch, {
      keepAlive: false,
    });
    expect(lost).toEqual([]);

    const file = path.join(sites, 'web.conf');
    const working = readFileSync(file, 'utf8');
    writeFileSync(path.join(sites, 'other.conf'), 'no configuration\n');
    await here.stop();
    await watch.line(/^`nginx .*` ended with exit code 1: the file is what it was before$/);
    expect(readFileSync(file, 'utf8')).toBe(working);
    writeFileSync(path.join(sites, 'other.conf'), '');
    await becomes(watch, there);

    await execFile('ip', ['link', 'set', host.link, 'down']);
    await watch.line(/^No cluster is ready: the file remains as it is\.$/);
    expect(readFileSync(file, 'utf8')).toContain(`server ${there.upstream} max_fails=0;`);
    here.start();
    await becomes(watch, here);
    await execFile('ip', ['link', 'set', host.link, 'up']);
    watch.child.kill('SIGTERM');
    expect(await watch.exit()).toEqual({ code: 0, signal: null });
  });

  it('are those of HAProxy, through its socket: no request fails, and it is not started again', async () => {
    const home = folder();
    const [port, file] = [await freePort(), path.join(home, 'haproxy.cfg')];
    const statsSocket = path.join(home, 'admin.sock');
    const pid = path.join(home, 'pid');
    const flags = ['--listen', `127.0.0.1:${port}`, '--stats-socket', statsSocket];
    const reload = ['--reload-command', `haproxy -c -q -f ${file}; [ ! -e ${pid} ]`];
    const watch = watchOf('haproxy', home, ...flags, ...reload);
    await becomes(watch, here, there);
    proxies.push(await started('haproxy', ['-db', '-p', pid, '-f', file], port, () => isOpen(port)));
    expect(await comeAndGo('HAProxy and its upstreams', `http://127.0.0.1:${port}`, watch)).toEqual([]);
    const { stdout } = await execFile('sh', [
      '-c',
      `echo 'show servers state web_app' | socat - ${statsSocket}`,
    ]);
    expect(stdout).toContain(` ${host.address} `);
    watch.child.kill('SIGINT');
    expect(await watch.exit()).toEqual({ code: 0, signal: null });
  });
});
