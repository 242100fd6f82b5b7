import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type Post, withInspector } from './inspector-session.js';
import { untilDrain } from './until-drain.js';

export type ProfileKind = 'cpu' | 'heap';

/** The argument of the task `profile`. */
export interface ProfileRequest {
  readonly kind: ProfileKind;
  readonly ms: number;
  /** The file that this worker creates with the profile as JSON. A profile is too large for a message. */
  readonly file: string;
}

export interface TakenProfile {
  /** Milliseconds from the start to the end of the profile; fewer than requested where the worker drained. */
  readonly ms: number;
}

let running = false;

/** Runs one profile of this process at a time, since a second one would measure the first. */
export async function oneProfile<Result>(work: () => Promise<Result>): Promise<Result> {
  if (running) throw new Error('another profile of this worker is running');
  running = true;
  try {
    return await work();
  } finally {
    running = false;
  }
}

/** Profiles this thread for a time, or until the process drains, and writes the profile to a new file of this user only. */
export function takeProfile({ kind, ms, file }: ProfileRequest): Promise<TakenProfile> {
  return oneProfile(() =>
    untilDrain('the profile of this worker', (signal) =>
      withInspector(async (post) => {
        const stop = await starters[kind](post);
        const start = performance.now();
        // an abort ends the profile early
        await delay(ms, undefined, { signal, ref: false }).catch(() => {});
        const taken = { ms: Math.round(performance.now() - start) };
        await writeNew(file, JSON.stringify(await stop()));
        return taken;
      }),
    ),
  );
}

/** Writes a file that does not exist, for this user only: names and paths of the app are in it. */
export function writeNew(file: string, text: string): Promise<void> {
  return writeFile(file, text, { flag: 'wx', mode: 0o600 });
}

/** Starts a CPU profile of 1,000 samples per second. */
export async function startCpuProfile(post: Post): Promise<() => Promise<object>> {
  await post('Profiler.enable');
  await post('Profiler.setSamplingInterval', { interval: 1000 });
  await post('Profiler.start');
  return async () => (await post<{ profile: object }>('Profiler.stop')).profile;
}

const starters: Record<ProfileKind, (post: Post) => Promise<() => Promise<object>>> = {
  cpu: startCpuProfile,
  async heap(post) {
    // V8 has one sampling heap profiler, and reports its use only by the success of this command
    const isFree = await post('HeapProfiler.getSamplingProfile').then(
      () => false,
      () => true,
    );
    if (!isFree) throw new Error('another heap profile of this worker is running');
    await post('HeapProfiler.enable');
    await post('HeapProfiler.startSampling');
    return async () => (await post<{ profile: object }>('HeapProfiler.stopSampling')).profile;
  },
};
