import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/**
 * The command that runs another one on the core that server and client share, where `taskset` is there.
 *
 * On loopback the answer of a server on one core wakes the client that sleeps on another, and the server pays for the
 * wake-up: with a fast client that is a quarter of what a request costs, and what it costs depends on everything else
 * that runs. In production the client is elsewhere. On one core the server answers all that waits, then the client has
 * its turn.
 *
 * Where bodies are compressed, servers hand work to threads of their own. What that costs is theirs, in production too:
 * those loads have all cores.
 */
export function onSharedCore({ encodes }) {
  if (encodes) return [];
  const core = availableParallelism() - 1;
  const works = spawnSync('taskset', ['-c', `${core}`, 'true']).status === 0;
  return works ? ['taskset', '-c', `${core}`] : [];
}
