import { setTimeout as delay } from 'node:timers/promises';
import { type BlockedLoop, watchBlockedLoop } from '../../support/blocked-loop.js';
import { type CpuSamples, cutProfile } from './cut-profile.js';
import { withInspector } from './inspector-session.js';
import { oneProfile, startCpuProfile, writeNew } from './take-profile.js';
import { untilDrain } from './until-drain.js';

/** The argument of the task `catch-stall`. */
export interface StallRequest {
  /** Milliseconds for which the event loop is watched. */
  readonly forMs: number;
  /** Milliseconds for which it must be blocked. */
  readonly aboveMs: number;
  /** The file that this worker creates with the profile of the stall as JSON. */
  readonly file: string;
}

export interface CaughtStall {
  readonly ms: number;
  /** Method and route pattern of the request that blocked the event loop, where it was seen. */
  readonly route: string | null;
  /** Whether native code, such as `execSync`, blocked it. */
  readonly native: boolean;
}

const beatMs = 10;
/** Milliseconds after which a profile is started again, so that it does not grow. */
const restartMs = 5000;
/** Milliseconds for the report of the thread that saw the stall. */
const reportMs = 500;

/**
 * Profiles this thread until its event loop is blocked once, and writes the profile of that time to a new file. Resolves
 * with `null` when that does not happen in time.
 */
export function catchStall({ forMs, aboveMs, file }: StallRequest): Promise<CaughtStall | null> {
  return oneProfile(() =>
    untilDrain('the profile of this worker', (signal) =>
      withInspector(async (post) => {
        let block: (BlockedLoop & { at: number }) | undefined;
        const onBlocked = (found: BlockedLoop): void => {
          block = { ...found, at: performance.now() };
        };
        // a report takes some time, and a stall that is just long enough must be reported, too
        const watch = watchBlockedLoop(Math.ceil(aboveMs / 2), onBlocked, { prints: false });
        try {
          const until = performance.now() + forMs;
          let startedAt = performance.now();
          let stop = await startCpuProfile(post);
          for (let before = performance.now(); before < until && !signal.aborted; ) {
            await delay(beatMs, undefined, { signal, ref: false }).catch(() => {});
            const now = performance.now();
            const ms = now - before - beatMs;
            if (ms > aboveMs) {
              const profile = (await stop()) as CpuSamples;
              await delay(reportMs, undefined, { signal, ref: false }).catch(() => {});
              // reports of earlier blocks arrived before this one began
              const seen = block && block.at >= before ? block : undefined;
              await writeNew(file, JSON.stringify(cutProfile(profile, before - startedAt, now - startedAt)));
              const route = seen?.method ? `${seen.method} ${seen.route ?? '(no route)'}` : null;
              return { ms: Math.round(ms), route, native: seen?.native ?? false };
            }
            if (now - startedAt > restartMs) {
              await stop();
              startedAt = performance.now();
              stop = await startCpuProfile(post);
            }
            before = performance.now();
          }
          return null;
        } finally {
          watch.stop();
        }
      }),
    ),
  );
}
