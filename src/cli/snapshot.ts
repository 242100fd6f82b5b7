import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type FoundCluster, sendRequest } from '../process/cluster/control-client.js';
import type { WorkerStatus } from '../process/cluster/control-protocol.js';
import type { WorkerMemory } from '../process/inspect/index.js';
import { type Command, CommandError, exitCodes, UsageError } from './command.js';
import { isAccepted } from './confirm.js';
import { print, printable, printError } from './output.js';
import { checkNew, fileFor, outOption } from './profile/inspection-files.js';
import { costOf } from './profile/snapshot-cost.js';
import { taskOf, workersOf } from './profile/worker-task.js';
import { clusterOptions, noCluster, noMore, onlyCluster } from './running-cluster.js';

/** Milliseconds for a snapshot on another host. */
const hostLimitMs = 3_600_000;

export const snapshot: Command = {
  summary: 'write a heap snapshot of a worker, which is replaced first',
  synopsis: '[options]',
  description: `Starts a new worker in the place of one, by default the largest. The old one finishes its requests, writes a heap snapshot
for Chrome DevTools, and exits. No request is lost. The cost is printed before. The file contains all texts in the memory of
the app, such as passwords, tokens and personal data: only this user can read it.`,
  options: {
    worker: { type: 'string', value: '<n>', help: 'the worker with this id; default: the largest' },
    yes: { type: 'boolean', help: 'write it without a question' },
    force: { type: 'boolean', help: 'write it although the memory may not suffice' },
    out: outOption,
    ...clusterOptions,
  },
  examples: ['snapshot', 'snapshot --worker 2 --yes --out /var/tmp'],
  hostLimitMs: () => hostLimitMs,
  show(result) {
    const { file, bytes } = result as WrittenFile;
    print(printable(`${file}: ${megabytes(bytes)}`));
  },
  async run(args) {
    noMore('snapshot', args.positionals);
    const { out, yes, force, json, worker: which } = args.values as Record<string, string | undefined>;
    if (json && out === '-') throw new UsageError('--json: not beside --out -');
    const cluster = await onlyCluster(args);
    if (cluster === undefined) throw new CommandError(noCluster(args));
    if (which === 'all') throw new UsageError('--worker: expected the id of one worker');
    const [worker] = workersOf(cluster, which, ({ rssBytes }) => rssBytes) as [WorkerStatus];
    const memory = await taskOf<WorkerMemory>(cluster, worker, {
      name: 'memory',
      argument: {},
      limitMs: 10_000,
    });
    const cost = costOf(memory);
    printError(`worker ${worker.id} (pid ${worker.pid}): ${cost.text}`);
    printError('The file contains all texts in its memory, such as passwords, tokens and personal data.');
    if (cost.problem !== undefined && !force) {
      throw new CommandError(`${cost.problem}. --force writes the snapshot nevertheless.`);
    }
    if (!yes && !(await isAccepted('Replace the worker and write the snapshot?'))) {
      throw new CommandError('Nothing was written. --yes writes it without a question.');
    }
    const file = await (out === '-' ? throughFile : writtenFile)(cluster, worker, out, cost.limitMs);
    if (json) print(JSON.stringify({ worker: worker.id, pid: worker.pid, ...file }));
    else if (out !== '-') print(`${path.relative('', file.file)}: ${megabytes(file.bytes)}`);
    return exitCodes.done;
  },
};

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MB`;

interface WrittenFile {
  readonly file: string;
  readonly bytes: number;
}

async function writtenFile(
  cluster: FoundCluster,
  worker: WorkerStatus,
  out: string | undefined,
  limitMs: number,
): Promise<WrittenFile> {
  const file = fileFor(out, cluster.status, worker, 'heapsnapshot');
  await checkNew(file);
  const response = await sendRequest(cluster.socket, {
    command: 'snapshot',
    worker: worker.id,
    file,
    limitMs,
  });
  const bytes = await stat(file).then(
    ({ size }) => size,
    () => 0,
  );
  if (response.ok && bytes > 0) return { file, bytes };
  await rm(`${file}.part`, { force: true });
  // the worker created an empty file
  if (bytes === 0) await rm(file, { force: true });
  const reason = response.ok
    ? 'the worker did not write the snapshot: see what it printed'
    : response.message;
  throw new CommandError(reason);
}

/** Writes the snapshot to stdout, by a file that is removed. */
async function throughFile(
  cluster: FoundCluster,
  worker: WorkerStatus,
  _out: string | undefined,
  limitMs: number,
): Promise<WrittenFile> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'snapshot-'));
  try {
    const written = await writtenFile(cluster, worker, directory, limitMs);
    await pipeline(createReadStream(written.file), process.stdout, { end: false });
    return written;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
