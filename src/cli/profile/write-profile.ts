import path from 'node:path';
import { nearestPackageFile } from '../../deploy/package-files.js';
import type { FoundCluster } from '../../process/cluster/control-client.js';
import type { WorkerStatus } from '../../process/cluster/control-protocol.js';
import type { CaughtStall, ProfileKind } from '../../process/inspect/index.js';
import { print } from '../output.js';
import { flamePage } from './flame-page.js';
import { placesIn } from './frame-place.js';
import { checkNew, fileFor, writeNewFile } from './inspection-files.js';
import { format, type ProfileReport, reportOf } from './profile-report.js';
import { treeOf } from './profile-tree.js';

/** How a profile is written. */
export interface OutputSettings {
  readonly kind: ProfileKind;
  readonly out: string | undefined;
  readonly top: number;
  readonly isFlame: boolean;
}

export interface ProfileFiles {
  readonly file: string | null;
  readonly flame: string | null;
}

export interface WorkerProfile extends ProfileReport {
  readonly worker: number;
  readonly pid: number;
  readonly seconds: number;
  /** The files that were written; `null` for those that were not. */
  readonly file: string | null;
  readonly flame: string | null;
  /** The stall that was caught; only with `--when-stalled`. */
  readonly stall?: CaughtStall;
}

export async function filesFor(
  { status }: FoundCluster,
  worker: WorkerStatus,
  { kind, out, isFlame }: OutputSettings,
): Promise<ProfileFiles> {
  const file = out === '-' ? null : fileFor(out, status, worker, `${kind}profile`);
  const flame = file === null || !isFlame ? null : `${file.replace(/\.\w+profile$/, '')}.html`;
  for (const each of [file, flame]) if (each !== null) await checkNew(each);
  return { file, flame };
}

export async function writeProfile(
  { status: { script } }: FoundCluster,
  { id, pid }: WorkerStatus,
  { kind, top, isFlame }: OutputSettings,
  { file, flame }: ProfileFiles,
  { text, ms }: { readonly text: string; readonly ms: number },
): Promise<WorkerProfile> {
  const seconds = ms / 1000;
  const placeOf = placesIn(nearestPackageFile(path.dirname(script))?.directory ?? path.dirname(script));
  const tree = treeOf(JSON.parse(text));
  const page = isFlame ? flamePage(titleOf({ kind, worker: id, pid, seconds }), tree, placeOf) : '';
  if (file === null) print(isFlame ? page : text);
  else await writeNewFile(file, text);
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

export function show(
  done: WorkerProfile,
  write: (line: string) => void,
  named = (file: string) => path.relative('', file),
): void {
  const files = [done.file, done.flame].flatMap((file) => (file === null ? [] : named(file)));
  write([titleOf(done), ...files.slice(0, 1)].join(': '));
  for (const line of format(done)) write(line);
  for (const flame of files.slice(1)) write(`  flame graph: ${flame}`);
}
