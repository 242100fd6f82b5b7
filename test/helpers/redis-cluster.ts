import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterwards, folder, freePort, until } from './daemons.js';

const exec = promisify(execFile);

/** A Redis server of a cluster or of sentinels. */
export interface RedisNode {
  readonly port: number;
  readonly address: string;
  /** Sends a command and resolves with the reply as text. */
  cli(...args: string[]): Promise<string>;
  /** Kills it, as a machine does that loses its power. */
  kill(): Promise<void>;
}

const plain = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];

async function startNode(...args: string[]): Promise<RedisNode> {
  const port = await freePort();
  const server: ChildProcess = spawn(
    'redis-server',
    [...args, '--port', String(port), ...(args[0]?.startsWith('/') ? [] : plain), '--dir', folder()],
    { stdio: 'ignore' },
  );
  const gone = once(server, 'exit');
  const kill = async () => {
    server.kill('SIGKILL');
    await gone;
  };
  afterwards(kill);
  const cli = async (...command: string[]) =>
    (await exec('redis-cli', ['-p', String(port), ...command])).stdout.trim();
  await until(async () => (await cli('ping').catch(() => '')) === 'PONG');
  return { port, address: `127.0.0.1:${port}`, cli, kill };
}

/** Starts a cluster of three masters with a replica each, which replaces its master a second after its end. */
export async function startCluster(): Promise<{
  readonly nodes: readonly RedisNode[];
  masterOf(slot: number): Promise<RedisNode>;
}> {
  const nodes = await Promise.all(
    Array.from({ length: 6 }, async () =>
      startNode(
        ...[
          '--cluster-enabled',
          'yes',
          '--cluster-node-timeout',
          '1000',
          '--cluster-config-file',
          'nodes.conf',
        ],
        ...['--cluster-port', String(await freePort())],
      ),
    ),
  );
  const addresses = nodes.map(({ address }) => address);
  await exec('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes']);
  for (const node of nodes) {
    await until(async () => {
      const state = await node.cli('cluster', 'info');
      return state.includes('cluster_state:ok') && state.includes('cluster_known_nodes:6');
    });
  }
  const [first] = nodes as [RedisNode];
  await until(async () => (await first.cli('cluster', 'nodes')).match(/ slave /g)?.length === 3);
  const masterOf = async (slot: number) => {
    const owner = (await first.cli('cluster', 'nodes'))
      .split('\n')
      .map((line) => line.split(' '))
      .find((fields) => fields.slice(8).some((range) => contains(range, slot)));
    const port = /:(\d+)@/.exec(owner?.[1] ?? '')?.[1];
    return nodes.find((node) => String(node.port) === port) as RedisNode;
  };
  return { nodes, masterOf };
}

function contains(range: string, slot: number): boolean {
  const [from, to = from] = range.split('-').map(Number);
  return slot >= (from as number) && slot <= (to as number);
}

/** Starts a master, two replicas, and three sentinels, which replace the master half a second after its end. */
export async function startSentinels(): Promise<{
  readonly nodes: readonly RedisNode[];
  readonly sentinels: readonly RedisNode[];
}> {
  const master = await startNode();
  const replicas = await Promise.all([1, 2].map(() => startNode('--replicaof', `127.0.0.1 ${master.port}`)));
  const sentinels = await Promise.all(
    [1, 2, 3].map(() => {
      const file = path.join(folder(), 'sentinel.conf');
      writeFileSync(
        file,
        `bind 127.0.0.1\nsentinel monitor site 127.0.0.1 ${master.port} 2\n` +
          'sentinel down-after-milliseconds site 500\nsentinel failover-timeout site 3000\n',
      );
      return startNode(file, '--sentinel');
    }),
  );
  for (const sentinel of sentinels) {
    await until(async () => {
      const state = await sentinel.cli('sentinel', 'master', 'site');
      return /num-slaves\n2\n/.test(state) && /num-other-sentinels\n2\n/.test(state);
    });
  }
  return { nodes: [master, ...replicas], sentinels };
}
