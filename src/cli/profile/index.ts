import path from 'node:path';
import { nearestPackageFile } from '../../deploy/package-files.js';
import type { FoundCluster } from '../../process/cluster/control-client.js';
import type { WorkerStatus } from '../../process/cluster/control-protocol.js';
import type { ProfileKind, TakenProfile } from '../../process/inspect/index.js';
import {
  type Arguments,
  type Command,
  CommandError,
  exitCodes,
  UsageError,
  wholeNumber,
} from '../command.js';
import { print, printError, progressLine } from '../output.js';
import { clusterOptions, noCluster, onlyCluster } from '../running-cluster.js';
import { flamePage } from './flame-page.js';
import { placesIn } from './frame-place.js';
import { checkNew, fileFor, isDirectory, outOption, writeNewFile } from './inspection-files.js';
import { format, type ProfileReport, reportOf } from './profile-report.js';
import { treeOf } from './profile-tree.js';
import { fileOfWorker, taskOf, workersOf } from './worker-task.js';

const defaultSeconds = 10;
const maxSeconds = 600;
/** Milliseconds for the start of the profile, its end and its file, beside the profile itself. */
const spareMs = 60_000;

interface ProfileSettings {
  readonly kind: ProfileKind;
  readonly ms: number;
  readonly out: string | undefined;
  readonly top: number;
  readonly isFlame: boolean;
}

interface WorkerProfile extends ProfileReport {
  readonly worker: number;
  readonly pid: number;
  readonly seconds: number;
  /** The files that were written; `null` for those that were not. */
  readonly file: string | null;
  readonly flame: string | null;
}

export const profile: Command = {
  summary: 'profile the CPU or the memory of running workers',
  synopsis: '[cpu|heap] [options]',
  description: `Profiles a running worker, by default the busiest, and writes a file for Chrome DevTools. It prints the functions in which
the time was spent, or with heap those that allocated what is still in use. Nothing is restarted, and no request is lost.
A worker that drains ends its profile early.`,
  options: {
    worker: {
      type: 'string',
      value: '<n|all>',
      help: 'the worker with this id, or all one after the other; default: the busiest',
    },
    seconds: { type: 'string', value: '<s>', help: `the time of a profile; default: ${defaultSeconds}` },
    flame: { type: 'boolean', help: 'write a flame graph, too: one HTML page; with --out - instead' },
    top: { type: 'string', value: '<n>', help: 'the number of functions to print; default: 15' },
    out: outOption,
    ...clusterOptions,
  },
  examples: ['profile', 'profile heap --worker 2 --seconds 30'],
  completes: ['cpu', 'heap'],
  async run(args) {
    const settings = settingsOf(args);
    const cluster = await onlyCluster(args);
    if (cluster === undefined) throw new CommandError(noCluster(args));
    const workers = workersOf(cluster, args.values.worker as string | undefined, (each) => each.utilization);
    const { out } = settings;
    if (workers.length > 1 && out !== undefined && (out === '-' || !isDirectory(out))) {
      throw new UsageError('--out: expected a directory for several workers');
    }
    const profiles: WorkerProfile[] = [];
    // one after the other, so that only one worker at a time is slower
    for (const worker of workers) {
      try {
        const done = await profileOf(cluster, worker, settings);
        profiles.push(done);
        if (!args.values.json) show(done, out === '-' ? printError : print);
      } catch (error) {
        if (workers.length === 1 || !(error instanceof CommandError)) throw error;
        printError(error.message);
      }
    }
    if (args.values.json) print(JSON.stringify(profiles));
    return profiles.length === workers.length ? exitCodes.done : exitCodes.failed;
  },
  show(result) {
    for (const done of result as readonly WorkerProfile[]) show(done, print, (file) => file);
  },
  hostLimitMs: () => 3_600_000,
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
  };
}

async function profileOf(
  cluster: FoundCluster,
  worker: WorkerStatus,
  { kind, ms, out, top, isFlame }: ProfileSettings,
): Promise<WorkerProfile> {
  const { id, pid } = worker;
  const file = out === '-' ? null : fileFor(out, cluster.status, worker, `${kind}profile`);
  const flame = file === null || !isFlame ? null : `${file.replace(/\.\w+profile$/, '')}.html`;
  for (const each of [file, flame]) if (each !== null) await checkNew(each);
  const progress = progressLine();
  progress.update(`profiling worker ${worker.id} for ${ms / 1000} s`);
  const taken = await fileOfWorker(cluster, (transfer) =>
    taskOf<TakenProfile>(cluster, worker, {
      name: 'profile',
      argument: { kind, ms, file: transfer },
      limitMs: ms + spareMs,
    }),
  ).finally(progress.clear);
  const seconds = taken.result.ms / 1000;
  const { script } = cluster.status;
  const placeOf = placesIn(nearestPackageFile(path.dirname(script))?.directory ?? path.dirname(script));
  const tree = treeOf(JSON.parse(taken.text));
  const page = isFlame ? flamePage(titleOf({ kind, worker: id, pid, seconds }), tree, placeOf) : '';
  if (file === null) print(isFlame ? page : taken.text);
  else await writeNewFile(file, taken.text);
  if (flame !== null) await writeNewFile(flame, page);
  return { worker: id, pid, seconds, file, flame, ...reportOf(tree, placeOf, top) };
}

function titleOf({
  kind,
  worker,
  pid,
  seconds,
}: Pick<WorkerProfile, 'kind' | 'worker' | 'pid' | 'seconds'>): string {
  return `${kind} profile of worker ${worker} (pid ${pid}), ${seconds.toFixed(1)} s`;
}

function show(
  done: WorkerProfile,
  write: (line: string) => void,
  named = (file: string) => path.relative('', file),
): void {
  const files = [done.file, done.flame].flatMap((file) => (file === null ? [] : named(file)));
  write([titleOf(done), ...files.slice(0, 1)].join(': '));
  for (const line of format(done)) write(line);
  for (const flame of files.slice(1)) write(`  flame graph: ${flame}`);
}
