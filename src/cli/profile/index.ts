import type { FoundCluster } from '../../process/cluster/control-client.js';
import type { WorkerStatus } from '../../process/cluster/control-protocol.js';
import type { TakenProfile } from '../../process/inspect/index.js';
import {
  type Arguments,
  type Command,
  CommandError,
  exitCodes,
  UsageError,
  wholeNumber,
} from '../command.js';
import { interruptible } from '../interruptible.js';
import { print, printable, printError, progressLine } from '../output.js';
import { clusterOptions, noCluster, onlyCluster } from '../running-cluster.js';
import { isDirectory, outOption } from './inspection-files.js';
import {
  describeStall,
  type StallLimits,
  stallLimits,
  stallOptions,
  waitForStall,
} from './wait-for-stall.js';
import { endProfile, fileOfWorker, taskOf, workersOf } from './worker-task.js';
import { filesFor, type OutputSettings, show, type WorkerProfile, writeProfile } from './write-profile.js';

const defaultSeconds = 10;
const maxSeconds = 600;
/** Milliseconds for the start of the profile, its end and its file, beside the profile itself. */
const spareMs = 60_000;

interface ProfileSettings extends OutputSettings {
  readonly ms: number;
  readonly stalls: StallLimits | undefined;
}

export const profile: Command = {
  summary: 'profile the CPU or the memory of running workers',
  synopsis: '[cpu|heap] [options]',
  description: `Profiles a running worker, by default the busiest, and writes a file for Chrome DevTools. It prints the functions in which
the time was spent, or with heap those that allocated what is still in use. Nothing is restarted, and no request is lost.
A worker that drains ends its profile early, and so does Ctrl-C. What was taken is written.`,
  options: {
    worker: {
      type: 'string',
      value: '<n|all>',
      help: 'the worker with this id, or all one after the other; default: the busiest',
    },
    seconds: { type: 'string', value: '<s>', help: `the time of a profile; default: ${defaultSeconds}` },
    ...stallOptions,
    flame: { type: 'boolean', help: 'write a flame graph, too: one HTML page; with --out - instead' },
    top: { type: 'string', value: '<n>', help: 'the number of functions to print; default: 15' },
    out: outOption,
    ...clusterOptions,
  },
  examples: ['profile heap --worker 2 --seconds 30', 'profile --when-stalled --for 10m --above 200ms'],
  completes: ['cpu', 'heap'],
  async run(args) {
    const settings = settingsOf(args);
    const cluster = await onlyCluster(args);
    if (cluster === undefined) throw new CommandError(noCluster(args));
    const which = (args.values.worker as string | undefined) ?? (settings.stalls && 'all');
    const workers = workersOf(cluster, which, (each) => each.utilization);
    const { out, stalls } = settings;
    if (!stalls && workers.length > 1 && out !== undefined && (out === '-' || !isDirectory(out))) {
      throw new UsageError('--out: expected a directory for several workers');
    }
    return interruptible((signal) =>
      stalls
        ? profileStall(cluster, workers, { ...settings, stalls }, args, signal)
        : profileEach(cluster, workers, settings, args, signal),
    );
  },
  show(result) {
    for (const done of result as readonly WorkerProfile[]) show(done, print, printable);
  },
  hostLimitMs: (args) => (settingsOf(args).stalls?.forMs ?? 0) + 3_600_000,
};

function settingsOf({ values, positionals }: Arguments): ProfileSettings {
  const [kind = 'cpu', extra] = positionals;
  if ((kind !== 'cpu' && kind !== 'heap') || extra !== undefined) {
    throw new UsageError(`profile: expected cpu or heap, got ${JSON.stringify(extra ?? kind)}`);
  }
  if (values.json && values.out === '-') throw new UsageError('--json: not beside --out -');
  const { seconds = String(defaultSeconds), top = '15', out } = values as Record<string, string | undefined>;
  return {
    kind,
    ms: wholeNumber('--seconds', seconds, maxSeconds) * 1000,
    out,
    top: wholeNumber('--top', top, 1000),
    isFlame: values.flame === true,
    stalls: stallLimits(kind, values),
  };
}

/** Profiles workers one after the other, so that only one at a time is slower. */
async function profileEach(
  cluster: FoundCluster,
  workers: readonly WorkerStatus[],
  settings: ProfileSettings,
  { values }: Arguments,
  signal: AbortSignal,
): Promise<number> {
  const profiles: WorkerProfile[] = [];
  for (const worker of workers) {
    if (signal.aborted) break;
    try {
      const done = await profileOf(cluster, worker, settings, signal);
      profiles.push(done);
      if (!values.json) show(done, settings.out === '-' ? printError : print);
    } catch (error) {
      if (workers.length === 1 || !(error instanceof CommandError)) throw error;
      printError(error.message);
    }
  }
  if (values.json) print(JSON.stringify(profiles));
  return profiles.length === workers.length ? exitCodes.done : exitCodes.failed;
}

async function profileOf(
  cluster: FoundCluster,
  worker: WorkerStatus,
  settings: ProfileSettings,
  signal: AbortSignal,
): Promise<WorkerProfile> {
  const { kind, ms } = settings;
  const files = await filesFor(cluster, worker, settings);
  const progress = progressLine();
  progress.update(`profiling worker ${worker.id} for ${ms / 1000} s`);
  const end = (): Promise<void> => endProfile(cluster, worker);
  signal.addEventListener('abort', end);
  const { text, result } = await fileOfWorker(cluster, (file) =>
    taskOf<TakenProfile>(cluster, worker, {
      name: 'profile',
      argument: { kind, ms, file },
      limitMs: ms + spareMs,
    }),
  ).finally(() => {
    signal.removeEventListener('abort', end);
    progress.clear();
  });
  return writeProfile(cluster, worker, settings, files, { text, ms: result.ms });
}

/** Waits for a stall of one of the workers, and writes its profile. */
async function profileStall(
  cluster: FoundCluster,
  workers: readonly WorkerStatus[],
  settings: ProfileSettings & { readonly stalls: StallLimits },
  { values }: Arguments,
  signal: AbortSignal,
): Promise<number> {
  const caught = await waitForStall(cluster, workers, settings.stalls, signal);
  if (caught === undefined) {
    const { aboveMs, forMs } = settings.stalls;
    const time = signal.aborted ? 'until the interruption' : `within ${forMs / 1000} s`;
    throw new CommandError(`no event loop was blocked for ${aboveMs} ms ${time}`);
  }
  const { worker, text, stall } = caught;
  const files = await filesFor(cluster, worker, settings);
  const done = await writeProfile(cluster, worker, settings, files, { text, ms: stall.ms });
  if (values.json) print(JSON.stringify([{ ...done, stall }]));
  else {
    const write = settings.out === '-' ? printError : print;
    write(describeStall(worker, stall));
    show(done, write);
  }
  return exitCodes.done;
}
