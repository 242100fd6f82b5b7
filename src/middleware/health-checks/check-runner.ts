import { quote } from '../../support/errors.js';
import { read } from '../../support/serialize-error.js';
import { withTimeLimit } from '../../support/time-limit.js';

/** Checks something that the app depends on. A check fails when it throws, rejects or returns `false`. */
export type HealthCheck = (signal: AbortSignal) => unknown;

/** The last result of a check. */
export interface CheckResult {
  readonly name: string;
  readonly ok: boolean;
  /** Why the check failed. */
  readonly problem?: string;
  readonly durationMs: number;
}

/**
 * Runs one check, never twice at the same time and at most once in `cacheMs`. No caller waits longer than `timeoutMs`.
 * The signal of a check that exceeds it is aborted. The check counts as failed, and is not started again, until it
 * ends.
 */
export class CheckRunner {
  readonly #name: string;
  readonly #check: HealthCheck;
  readonly #timeoutMs: number;
  readonly #cacheMs: number;
  #startedAt = -Infinity;
  #lastRun: Promise<CheckResult> | undefined;
  #hanging = false;

  constructor(name: string, check: HealthCheck, timeoutMs: number, cacheMs: number) {
    this.#name = name;
    this.#check = check;
    this.#timeoutMs = timeoutMs;
    this.#cacheMs = cacheMs;
  }

  run(): Promise<CheckResult> {
    const now = performance.now();
    if (this.#lastRun && (this.#hanging || now - this.#startedAt < this.#cacheMs)) return this.#lastRun;
    this.#startedAt = now;
    this.#lastRun = this.#start(now);
    return this.#lastRun;
  }

  #start(startedAt: number): Promise<CheckResult> {
    const name = this.#name;
    const took = () => Math.round(performance.now() - startedAt);
    const abort = new AbortController();
    this.#hanging = true;
    const result = this.#outcome(abort.signal).then((problem): CheckResult => {
      this.#hanging = false;
      return problem === undefined
        ? { name, ok: true, durationMs: took() }
        : { name, ok: false, problem, durationMs: took() };
    });
    const late = (): CheckResult => {
      const problem = `no result within ${this.#timeoutMs} ms`;
      abort.abort(new DOMException(problem, 'TimeoutError'));
      return { name, ok: false, problem, durationMs: took() };
    };
    return withTimeLimit(result, this.#timeoutMs, late, { ref: false });
  }

  async #outcome(signal: AbortSignal): Promise<string | undefined> {
    try {
      return (await this.#check(signal)) === false ? 'the check returned false' : undefined;
    } catch (error) {
      const message = read(error, 'message');
      return typeof message === 'string' && message !== '' ? message : quote(error);
    }
  }
}
