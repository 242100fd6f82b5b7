/** The value of NODE_ENV and the mode that follows from it. */
export interface Environment {
  /** The unchanged value; `undefined` when it is not set. */
  readonly raw: string | undefined;
  /** `production` unless the value is exactly `development` or `test`, or is not set at all. */
  readonly mode: 'production' | 'development' | 'test';
  /** True when the value is set, and is neither `production`, `development` nor `test`. */
  readonly nearMiss: boolean;
}

/** Reads NODE_ENV. Called at set-up only: `process.env` is a system call behind a property. */
export function readEnvironment(raw: string | undefined = process.env.NODE_ENV): Environment {
  if (raw === 'development' || raw === undefined) return { raw, mode: 'development', nearMiss: false };
  if (raw === 'test') return { raw, mode: 'test', nearMiss: false };
  return { raw, mode: 'production', nearMiss: raw !== 'production' };
}

/** What runs a cluster runs in production. Bundlers put a string in the place of `process.env.NODE_ENV`, assigned or not. */
export function defaultToProduction(): void {
  const { env } = process;
  env.NODE_ENV ??= 'production';
}

/** Whether NODE_ENV is explicitly `development` or `test`, so that responses may contain the stack of an error. */
export function showsStacks({ raw, mode }: Environment): boolean {
  return raw !== undefined && mode !== 'production';
}
