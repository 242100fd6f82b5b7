import { cleanUp } from '../helpers/daemons.js';
import { itNeeds } from '../helpers/needs.js';
import { killAll, run } from '../helpers/program.js';
import { startRedis } from '../helpers/redis.js';

const it = itNeeds('redis-server');

afterEach(async () => {
  killAll();
  await cleanUp();
});

interface Round {
  readonly found: boolean;
  readonly left: boolean;
  readonly others: boolean;
  readonly purgeMs: number;
  readonly pingMs: number;
  readonly busyMs: number;
  readonly loopMs: number;
}

async function roundsOf(store: string): Promise<readonly Round[]> {
  const program = run('purge-million.mjs', {
    env: { STORE: store, NODE_OPTIONS: '--max-old-space-size=4096' },
  });
  const rounds: Round[] = JSON.parse(await program.line(/^\[/));
  for (const { found, left, others } of rounds) expect([found, left, others]).toEqual([true, false, true]);
  return rounds;
}

const least = (rounds: readonly Round[], name: 'purgeMs' | 'pingMs' | 'busyMs' | 'loopMs') =>
  Math.min(...rounds.map((round) => round[name]));

it('a purge by prefix of a million entries in memory blocks the event loop for 10 ms at most', async () => {
  const rounds = await roundsOf('memory');
  // a collection of garbage of the entries before may take place in one round, and not in each
  expect(least(rounds, 'busyMs')).toBeLessThan(10);
  expect(least(rounds, 'purgeMs')).toBeLessThan(10);
  process.stdout.write(
    `purge by prefix over a million entries in memory: ${least(rounds, 'purgeMs').toFixed(1)} ms, the event loop ` +
      `computes ${least(rounds, 'busyMs').toFixed(1)} ms at most and is late by ${least(rounds, 'loopMs').toFixed(1)} ms\n`,
  );
});

it('a purge by prefix of a million entries in Redis blocks neither the event loop nor Redis', async () => {
  const redis = await startRedis();
  const rounds = await roundsOf(redis.url);
  expect(least(rounds, 'busyMs')).toBeLessThan(10);
  const stats = await redis.cli.info('commandstats');
  expect(stats).not.toContain('cmdstat_scan');
  process.stdout.write(
    `purge by prefix over a million entries in Redis: ${least(rounds, 'purgeMs').toFixed(1)} ms, the event loop ` +
      `computes ${least(rounds, 'busyMs').toFixed(1)} ms at most, a ping takes ${least(rounds, 'pingMs').toFixed(1)} ms at most\n`,
  );
});
