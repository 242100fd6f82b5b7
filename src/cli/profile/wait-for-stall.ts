import { visible } from '../../doctor/report/visible-text.js';
import type { FoundCluster } from '../../process/cluster/control-client.js';
import type { WorkerStatus } from '../../process/cluster/control-protocol.js';
import type { CaughtStall } from '../../process/inspect/index.js';
import { type Arguments, CommandError, durationMs, UsageError } from '../command.js';
import { printError, progressLine } from '../output.js';
import { endProfile, fileOfWorker, taskOf } from './worker-task.js';

export const stallOptions = {
  'when-stalled': {
    type: 'boolean',
    help: 'wait until the event loop of a worker is blocked, and profile that time',
  },
  for: { type: 'string', value: '<time>', help: '--when-stalled: how long to wait; default: 10m' },
  above: {
    type: 'string',
    value: '<time>',
    help: '--when-stalled: how long the event loop is blocked at least; default: 500ms',
  },
} as const;

export interface StallLimits {
  readonly forMs: number;
  readonly aboveMs: number;
}

interface StallOfWorker {
  readonly worker: WorkerStatus;
  readonly stall: CaughtStall;
  /** The profile as JSON. */
  readonly text: string;
}

const leastMs = 50;
const spareMs = 60_000;

/** The limits of `--when-stalled`; `undefined` without it. */
export function stallLimits(kind: string, values: Arguments['values']): StallLimits | undefined {
  const { for: forTime = '10m', above = '500ms' } = values as Record<string, string | undefined>;
  if (!values['when-stalled']) {
    const flag = ['for', 'above'].find((name) => values[name] !== undefined);
    if (flag !== undefined) throw new UsageError(`--${flag}: expected --when-stalled beside it`);
    return undefined;
  }
  if (kind !== 'cpu') throw new UsageError('--when-stalled: not beside heap');
  if (values.seconds !== undefined) throw new UsageError('--seconds: not beside --when-stalled, use --for');
  const aboveMs = durationMs('--above', above);
  if (aboveMs < leastMs) throw new UsageError(`--above: expected at least ${leastMs}ms`);
  return { forMs: durationMs('--for', forTime), aboveMs };
}

/** Waits until one of the workers is blocked. Resolves with `undefined` when none is in time, or the signal aborts. */
export async function waitForStall(
  cluster: FoundCluster,
  workers: readonly WorkerStatus[],
  { forMs, aboveMs }: StallLimits,
  signal: AbortSignal,
): Promise<StallOfWorker | undefined> {
  let caught: StallOfWorker | undefined;
  const end = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => endProfile(cluster, worker)));
  };
  signal.addEventListener('abort', () => void end());
  const errors: CommandError[] = [];
  const watch = async (worker: WorkerStatus): Promise<void> => {
    const { text, result } = await fileOfWorker(cluster, (file) =>
      taskOf<CaughtStall | null>(cluster, worker, {
        name: 'catch-stall',
        argument: { forMs, aboveMs, file },
        limitMs: forMs + spareMs,
      }),
    );
    if (result === null || caught !== undefined) return;
    caught = { worker, text, stall: result };
    await end();
  };
  const progress = progressLine();
  progress.update(`waiting until one of ${workers.length} workers is blocked for ${aboveMs} ms`);
  await Promise.all(
    workers.map((worker) =>
      watch(worker).catch((error: unknown) => {
        if (!(error instanceof CommandError)) throw error;
        errors.push(error);
      }),
    ),
  ).finally(progress.clear);
  const [first] = errors;
  if (caught === undefined && first !== undefined && errors.length === workers.length) throw first;
  for (const { message } of errors) printError(message);
  return caught;
}

/** What blocked the event loop, in one line. */
export function describeStall({ id, pid }: WorkerStatus, { ms, route, native }: CaughtStall): string {
  const by = route === null ? 'outside of a request that was seen' : `by ${visible(route)}`;
  return `the event loop of worker ${id} (pid ${pid}) was blocked for ${ms} ms ${by}${native ? ', in native code' : ''}`;
}
