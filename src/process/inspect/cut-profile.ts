/** A CPU profile of V8. Times are in microseconds. */
export interface CpuSamples {
  readonly startTime: number;
  readonly endTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** The part of a profile between two times in milliseconds after its start. */
export function cutProfile<Profile extends CpuSamples>(
  profile: Profile,
  fromMs: number,
  toMs: number,
): Profile {
  const startTime = profile.startTime + fromMs * 1000;
  const endTime = Math.min(profile.startTime + toMs * 1000, profile.endTime);
  const samples: number[] = [];
  const timeDeltas: number[] = [];
  let at = profile.startTime;
  let last = startTime;
  for (const [i, sample] of profile.samples.entries()) {
    at += profile.timeDeltas[i] ?? 0;
    if (at < startTime || at > endTime) continue;
    samples.push(sample);
    timeDeltas.push(at - last);
    last = at;
  }
  return { ...profile, startTime, endTime, samples, timeDeltas };
}
