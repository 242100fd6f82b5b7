import { createClientPool, createCluster, createSentinel } from 'redis';
import { createCluster as createCluster4 } from 'redis4';
import {
  createClientPool as createClientPool5,
  createCluster as createCluster5,
  createSentinel as createSentinel5,
} from 'redis5';
import { type RedisStore, type RedisStoreClient, redisStore } from '../../src/redis/index.js';
import { sharedStoreConformance, storeConformance } from '../../src/store-conformance/index.js';
import { cleanUp } from '../helpers/daemons.js';
import { itNeeds } from '../helpers/needs.js';
import { startRedis } from '../helpers/redis.js';
import { startCluster, startSentinels } from '../helpers/redis-cluster.js';

const it = itNeeds('redis-server');

afterEach(cleanUp);

/** A client that the app connects, and that the test ends. */
type Connected = RedisStoreClient & { connect(): Promise<unknown>; destroy(): unknown };
type Node = { readonly host: string; readonly port: number };

// the result types are written out: the type checker compares those of elements, and of these clients for seconds
const clusters: [name: string, create: (rootNodes: { url: string }[]) => RedisStoreClient][] = [
  ['redis 4', (rootNodes): RedisStoreClient => createCluster4({ rootNodes })],
  ['redis 5', (rootNodes): RedisStoreClient => createCluster5({ rootNodes })],
  ['redis 6', (rootNodes): RedisStoreClient => createCluster({ rootNodes })],
];
const sentinelClients: [name: string, create: (sentinelRootNodes: Node[]) => Connected][] = [
  ['redis 5', (sentinelRootNodes): Connected => createSentinel5({ name: 'site', sentinelRootNodes })],
  ['redis 6', (sentinelRootNodes): Connected => createSentinel({ name: 'site', sentinelRootNodes })],
];
const pools: [name: string, create: (options: { url: string }) => Connected][] = [
  ['redis 5', (options): Connected => createClientPool5(options)],
  ['redis 6', (options): Connected => createClientPool(options)],
];

const cases = [
  ...storeConformance.map(({ name, run }) => ({ name, run: (one: RedisStore) => run(one) })),
  ...sharedStoreConformance,
];

/** Runs each case with two stores whose keys no other case uses, a few cases at a time. */
async function passesAllCases(client: RedisStoreClient): Promise<void> {
  const failed: string[] = [];
  const left = cases.map((one, at) => ({ ...one, prefix: `case-${at}:` }));
  const open = async (prefix: string) => {
    const store = redisStore({ client, prefix, timeoutMs: 2000, local: false });
    expect(await store.ready()).toBe(true);
    return store;
  };
  const runOne = async (): Promise<void> => {
    const next = left.shift();
    if (next === undefined) return;
    const [one, other] = await Promise.all([open(next.prefix), open(next.prefix)]);
    await next.run(one, other).catch((error) => failed.push(`${next.name}: ${error}`));
    one.close();
    other.close();
    await runOne();
  };
  await Promise.all([runOne(), runOne(), runOne()]);
  expect(failed).toEqual([]);
}

describe('the cases of every store', () => {
  it('on a cluster, by each version of the client', async () => {
    const { nodes } = await startCluster();
    const rootNodes = nodes.map(({ port }) => ({ url: `redis://127.0.0.1:${port}` }));
    for (const [, create] of clusters) {
      await passesAllCases(create(rootNodes));
      await Promise.all(nodes.map((node) => node.cli('flushall').catch(() => {})));
    }
  });

  it('with sentinels, by each version of the client', async () => {
    const { nodes, sentinels } = await startSentinels();
    for (const [, create] of sentinelClients) {
      const client = create(sentinels.map(({ port }) => ({ host: '127.0.0.1', port })));
      await client.connect();
      await passesAllCases(client);
      await client.destroy();
      await nodes[0]?.cli('flushall');
    }
  });

  it('by the clients of a pool', async () => {
    const redis = await startRedis();
    for (const [, create] of pools) {
      const client = create({ url: redis.url });
      await client.connect();
      await passesAllCases(client);
      await client.destroy();
      await redis.cli.flushAll();
    }
  });
});
