import type { Manifest } from './manifest.js';
import type { ReleaseTarget } from './release-target.js';
import type { Reloading } from './reloading.js';

/** The result of a deployment or of a rollback. */
export interface Activation {
  readonly ok: boolean;
  /** The release that was to be started. */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly script: string;
  /** The release to which `current` points now. */
  readonly current: string | null;
  /** The release to which it pointed before. */
  readonly previous: string | null;
  readonly cluster: Reloading['kind'];
  /** Why the link was moved back. */
  readonly reason?: string;
  /** The old releases that were removed. */
  readonly removed: readonly string[];
}

/**
 * Points `current` to a release and replaces the workers. When the new ones do not become ready, the link is moved back,
 * and the release is marked as broken.
 *
 * @param keep the number of releases that remain
 */
export async function activate(
  target: ReleaseTarget,
  { id, name, version, script }: Manifest,
  reloading: Reloading,
  keep: number,
): Promise<Activation> {
  const previous = target.current;
  const fallback = fallbackOf(target, id, previous);
  const interruption = listenForInterruption();
  try {
    target.moveLink(id);
    const reason = await Promise.race([reloading.replace(script), interruption.reason]);
    const result = { id, name, version, script, previous: previous ?? null, cluster: reloading.kind };
    if (reason === undefined) {
      target.setState(id, 'deployed');
      const removed = target.prune(keep, [...(await reloading.inUse()), ...(previous ? [previous] : [])]);
      return { ok: true, ...result, current: id, removed };
    }
    target.moveLink(fallback);
    target.setState(id, 'broken', reason);
    const failure = await reloading.restore();
    const both = failure === undefined ? reason : `${reason}; the way back failed, too: ${failure}`;
    return { ok: false, ...result, current: fallback ?? null, reason: both, removed: [] };
  } finally {
    interruption.end();
  }
}

/** The release to which the link is moved back: the current one, or the last one whose workers were ready. */
function fallbackOf(target: ReleaseTarget, id: string, previous: string | undefined): string | undefined {
  if (previous === id) return id;
  const records = target.records().filter((record) => record.id !== id && record.state === 'deployed');
  return (records.find((record) => record.id === previous) ?? records[0])?.id;
}

/** A signal ends the wait for the workers, so that the link is moved back. The end of a terminal or of ssh does not. */
function listenForInterruption(): { readonly reason: Promise<string>; end(): void } {
  let interrupt: (reason: string) => void = () => {};
  const reason = new Promise<string>((resolve) => {
    interrupt = resolve;
  });
  const onSignal = (signal: NodeJS.Signals): void => interrupt(`it was interrupted by ${signal}`);
  const ignore = (): void => {};
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal).on('SIGHUP', ignore);
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignore);
  return {
    reason,
    end: () => void process.off('SIGINT', onSignal).off('SIGTERM', onSignal).off('SIGHUP', ignore),
  };
}
