import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { chooseWorkers } from '../../../src/process/cluster/worker-count.js';
import { availableCpus } from '../../../src/support/available-cpus.js';
import { removeFolders, runFixture } from '../../helpers/clusters.js';
import { itNeeds } from '../../helpers/needs.js';
import { killAll } from '../../helpers/program.js';
import { get } from '../../helpers/serve.js';

afterEach(() => {
  killAll();
  removeFolders();
});

describe('how many workers', () => {
  const files = (content: Record<string, string>) => (file: string) => {
    const text = content[file];
    if (text === undefined) throw new Error('ENOENT');
    return text;
  };

  it('a quota of 0.25 CPU chooses one worker, at the root, in a service below it, and in cgroup v1', () => {
    const groups: Record<string, string>[] = [
      { '/sys/fs/cgroup/cpu.max': '25000 100000\n' },
      {
        '/proc/self/cgroup': '0::/system.slice/app.service\n',
        '/sys/fs/cgroup/cpu.max': 'max 100000\n',
        '/sys/fs/cgroup/system.slice/app.service/cpu.max': '25000 100000\n',
      },
      {
        '/proc/self/cgroup': '0::/a/b\n',
        '/sys/fs/cgroup/a/cpu.max': '25000 100000\n',
        '/sys/fs/cgroup/a/b/cpu.max': '400000 100000\n',
      },
      {
        '/proc/self/cgroup': '4:memory:/x\n2:cpu,cpuacct:/docker/1\n',
        '/sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us': '25000\n',
        '/sys/fs/cgroup/cpu/docker/1/cpu.cfs_period_us': '100000\n',
      },
    ];
    for (const group of groups) {
      expect(chooseWorkers(undefined, undefined, () => availableCpus(files(group)))).toEqual({
        count: 1,
        reason: '0.25 CPUs available',
      });
    }
  });

  it('rounds a quota down, and never below one', () => {
    expect(chooseWorkers(undefined, '', () => 3.7).count).toBe(3);
    expect(chooseWorkers(undefined, undefined, () => 0.1).count).toBe(1);
  });

  it('reads WEB_CONCURRENCY, after the option and before the CPUs', () => {
    expect(chooseWorkers(undefined, '5', () => 2)).toEqual({ count: 5, reason: 'WEB_CONCURRENCY' });
    expect(chooseWorkers(3, '5', () => 2).count).toBe(3);
    for (const wrong of ['0', '-1', '2.5', 'auto', '1e9']) {
      expect(() => chooseWorkers(undefined, wrong)).toThrow(`got '${wrong}'`);
    }
  });

  itNeeds('taskset')('a cpuset of one CPU means one worker, and one worker means no cluster', async () => {
    const fixture = path.join(__dirname, '../../fixtures/cluster.mjs');
    const source = `import cluster from 'node:cluster'; process.argv[1] = ${JSON.stringify(fixture)}; await import(${JSON.stringify(fixture)}); console.error('workers', Object.keys(cluster.workers ?? {}).length); process.exit()`;
    const env = { ...process.env, WEB_CONCURRENCY: '', NODE_ENV: '' };
    const { stderr } = spawnSync(
      'taskset',
      ['-c', '0', process.execPath, '--input-type=module', '-e', source],
      {
        env,
        encoding: 'utf8',
      },
    );
    expect(stderr).toContain('workers 0');
  });

  it('one worker serves in the process itself, with NODE_ENV=production', async () => {
    const program = runFixture({ workers: 1 }, { env: { NODE_ENV: undefined } });
    const answer = JSON.parse((await get(await program.url())).text);
    expect(answer).toEqual({ pid: program.child.pid, worker: 0, env: 'production' });
  });
});

it('sets NODE_ENV to production for workers where it is missing, and does not change it where it is set', async () => {
  for (const [given, expected] of [
    [undefined, 'production'],
    ['staging', 'staging'],
  ]) {
    const program = runFixture({ workers: 2 }, { env: { NODE_ENV: given } });
    expect(JSON.parse((await get(await program.url())).text).env).toBe(expected);
    killAll();
  }
});
