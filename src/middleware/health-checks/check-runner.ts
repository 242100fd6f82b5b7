import { quote } from '../../support/errors.js';
import { read } from '../../support/serialize-error.js';
import { withTimeLimit } from '../../support/time-limit.js';

/** Asks something the app depends on; throws, rejects or returns `false` when it is not well. */
export type HealthCheck = (signal: AbortSignal) => unknown;

/** What a check said last. */
export interface CheckResult {
  readonly name: string;
  readonly ok: boolean;
  /** What is wrong. */
  readonly problem?: string;
  readonly durationMs: number;
}

/**
 * Runs one check: never twice at a time however many ask, at most once in `cacheMs`, and nobody waits longer than
 * `timeoutMs`. A check that hangs is told by its signal, stays failed, and is not started again until it ends.
 */
export class CheckRunner {
  readonly #name: string;
  readonly #check: HealthCheck;
  readonly #timeoutMs: number;
  readonly #cacheMs: number;
  #startedAt = -Infinity;
  #asked: Promise<CheckResult> | undefined;
  #hanging = false;

  constructor(name: string, check: HealthCheck, timeoutMs: number, cacheMs: number) {
    this.#name = name;
    this.#check = check;
    this.#timeoutMs = timeoutMs;
    this.#cacheMs = cacheMs;
  }

  ask(): Promise<CheckResult> {
    const now = performance.now();
    if (this.#asked && (this.#hanging || now - this.#startedAt < this.#cacheMs)) return this.#asked;
    this.#startedAt = now;
    this.#asked = this.#run(now);
    return this.#asked;
  }

  #run(startedAt: number): Promise<CheckResult> {
    const name = this.#name;
    const took = () => Math.round(performance.now() - startedAt);
    const abort = new AbortController();
    this.#hanging = true;
    const answer = this.#outcome(abort.signal).then((problem): CheckResult => {
      this.#hanging = false;
      return problem === undefined
        ? { name, ok: true, durationMs: took() }
        : { name, ok: false, problem, durationMs: took() };
    });
    const late = (): CheckResult => {
      const problem = `no answer within ${this.#timeoutMs} ms`;
      abort.abort(new DOMException(problem, 'TimeoutError'));
      return { name, ok: false, problem, durationMs: took() };
    };
    return withTimeLimit(answer, this.#timeoutMs, late, { ref: false });
  }

  async #outcome(signal: AbortSignal): Promise<string | undefined> {
    try {
      return (await this.#check(signal)) === false ? 'the check said no' : undefined;
    } catch (error) {
      const message = read(error, 'message');
      return typeof message === 'string' && message !== '' ? message : quote(error);
    }
  }
}
