import { upstreamsIn } from '../../src/cli/watch/watched-file.js';
import { type UpstreamSettings, watchedUpstreams } from '../../src/cli/watch/watched-upstreams.js';
import { deploymentFiles } from '../../src/deploy/deployment-files.js';
import type { ListenAddress } from '../../src/process/cluster/cluster-worker.js';
import type { ClusterStatus, WorkerStatus } from '../../src/process/cluster/control-protocol.js';
import { factsOf } from '../helpers/deployment.js';

const worker = (state: WorkerStatus['state'], ...addresses: ListenAddress[]) =>
  ({ state, addresses }) as unknown as WorkerStatus;

const every = (port: number): ListenAddress => ({ host: null, port });

const clusterOf = (workers: readonly WorkerStatus[], status: Partial<ClusterStatus> = {}) =>
  ({ stopping: false, ready: 1, workers, ...status }) as ClusterStatus;

const remote = { destination: 'web@two', rsyncDestination: 'web@two', directory: '/srv/web' };
const here = { text: 'local', host: '127.0.0.1', remote: undefined };
const there = { text: '10.0.0.2=web@two:/srv/web', host: '10.0.0.2', remote };

const settings: UpstreamSettings = { port: 3000, isNamed: false, unseenMs: 30_000, previous: [] };

const listed = (
  source: typeof here | typeof there,
  clusters: readonly ClusterStatus[] | undefined,
  changed: Partial<UpstreamSettings> & { now?: number; problem?: string } = {},
) =>
  watchedUpstreams([{ source, clusters, reportedAt: 0, problem: changed.problem }], changed.now ?? 0, {
    ...settings,
    ...changed,
  });

describe('the upstreams from the state of hosts', () => {
  it('are the ports of ready workers, once each, under the address of the host', () => {
    const cluster = clusterOf([
      worker('ready', every(8080)),
      worker('ready', every(8080)),
      worker('starting', every(9090)),
      worker('draining', every(9091)),
    ]);
    expect(listed(here, [cluster])).toEqual({ upstreams: ['127.0.0.1:8080'], problems: [] });
    expect(listed(there, [cluster])).toEqual({ upstreams: ['10.0.0.2:8080'], problems: [] });
  });

  it('are none of a cluster that stops, or that has no ready worker', () => {
    const workers = [worker('ready', every(3000))];
    expect(listed(here, [clusterOf(workers, { stopping: true })]).upstreams).toEqual([]);
    expect(listed(here, [clusterOf(workers, { ready: 0 })]).upstreams).toEqual([]);
    expect(listed(here, []).upstreams).toEqual([]);
  });

  it('are the own address of a cluster on this host, and never a loopback address of another host', () => {
    const at = (host: string) => [clusterOf([worker('ready', { host, port: 3000 })])];
    expect(listed(here, at('10.0.0.1')).upstreams).toEqual(['10.0.0.1:3000']);
    expect(listed(here, at('::1')).upstreams).toEqual(['[::1]:3000']);
    expect(listed(here, at('::')).upstreams).toEqual(['127.0.0.1:3000']);
    const { upstreams, problems } = listed(there, at('127.0.0.1'));
    expect({ upstreams, problems }).toEqual({
      upstreams: [],
      problems: [expect.stringContaining('which only the host itself reaches')],
    });
  });

  it('of several ports are the port of the app, and otherwise none', () => {
    const cluster = clusterOf([worker('ready', every(3000), every(9000))]);
    expect(listed(here, [cluster]).upstreams).toEqual(['127.0.0.1:3000']);
    const { upstreams, problems } = listed(here, [cluster], { port: 80 });
    expect(upstreams).toEqual([]);
    expect(problems).toEqual(['local: its cluster listens on 3000, 9000, not on 80: pass --port']);
    // a socket in the file system
    expect(listed(here, [clusterOf([worker('ready', { host: '/run/a', port: -1 })])]).upstreams).toEqual([]);
  });

  it('of several clusters without a name remain what they were', () => {
    const clusters = [3000, 4000].map((port) => clusterOf([worker('ready', every(port))]));
    expect(listed(here, clusters, { previous: ['127.0.0.1:3000', '10.0.0.9:1'] })).toEqual({
      upstreams: ['127.0.0.1:3000'],
      problems: ['local has several clusters: select one by --name'],
    });
    expect(listed(here, clusters, { isNamed: true }).upstreams).toEqual(['127.0.0.1:3000', '127.0.0.1:4000']);
  });

  it('of a host that does not respond remain for a time, also from the file of an earlier start', () => {
    const problem = 'Connection refused';
    const clusters = [clusterOf([worker('ready', every(3000))])];
    const problems = ['10.0.0.2=web@two:/srv/web does not respond: Connection refused'];
    expect(listed(there, clusters, { now: 30_000, problem })).toEqual({
      upstreams: ['10.0.0.2:3000'],
      problems,
    });
    expect(listed(there, clusters, { now: 30_001, problem })).toEqual({ upstreams: [], problems });
    const previous = ['10.0.0.2:8080', '10.0.0.21:8080'];
    expect(listed(there, undefined, { previous, now: 30_000 }).upstreams).toEqual(['10.0.0.2:8080']);
    expect(listed(there, undefined, { previous, now: 30_001 }).upstreams).toEqual([]);
  });
});

describe('the upstreams in a file', () => {
  it.each(['nginx', 'haproxy'] as const)('of %s are read as they were written', (target) => {
    const upstreams = ['127.0.0.1:3000', '[::1]:3001', '10.0.0.2:3000'];
    for (const options of [{}, { affinity: 'cookie' }, { affinity: 'ip' }]) {
      const spare = target === 'haproxy' ? { spareServers: 8 } : {};
      const { files } = deploymentFiles(target, factsOf(), { ...options, ...spare, upstreams });
      expect(upstreamsIn(files[0]?.text ?? '')).toEqual(upstreams);
    }
  });
});
