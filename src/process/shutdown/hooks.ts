import { quote } from '../../support/errors.js';
import { processWide } from '../../support/process-wide.js';
import { read } from '../../support/serialize-error.js';
import { shutdownHooksKey } from '../../support/symbols.js';
import { withTimeLimit } from '../../support/time-limit.js';

/** A function of the app that runs when the process ends. */
export type ShutdownHook = () => unknown;

/** Options of `onDrain` and `onShutdown`. */
export interface HookOptions {
  /** The name of the hook in the log. @default the name of the function */
  readonly name?: string;
  /** Milliseconds for the hook, after which the shutdown continues without it. @default 5000 */
  readonly timeoutMs?: number;
}

export interface Hook {
  readonly name: string;
  readonly run: ShutdownHook;
  readonly timeoutMs: number;
}

/** Hooks of the process, in the order of their registration. */
export interface Hooks {
  /** Run when the listener is closed. */
  readonly drain: Set<Hook>;
  /** Run when the last response is closed. */
  readonly shutdown: Set<Hook>;
}

export const hooks = processWide<Hooks>(shutdownHooksKey, () => ({ drain: new Set(), shutdown: new Set() }));

export function makeHook(run: ShutdownHook, { name, timeoutMs = 5000 }: HookOptions = {}): Hook {
  return { run, name: name ?? (run.name || 'anonymous hook'), timeoutMs };
}

/** Runs one hook within its time limit. Resolves with the problem if it failed. */
export async function runHook({ name, run, timeoutMs }: Hook, leftMs: number): Promise<string | undefined> {
  const limitMs = Math.max(0, Math.min(timeoutMs, leftMs));
  const until = performance.now() + limitMs;
  try {
    const ended = Promise.resolve(run()).then(() => undefined);
    const late = () => `${name} did not end within ${Math.round(limitMs)} ms`;
    return await withTimeLimit(ended, until - performance.now(), late);
  } catch (error) {
    const stack = read(error, 'stack');
    return `${name} failed: ${typeof stack === 'string' ? stack : quote(error)}`;
  }
}
