/** The value of NODE_ENV and the mode that follows from it. */
export interface Environment {
  /** The unchanged value; `undefined` when it is not set. */
  readonly raw: string | undefined;
  /** `production` unless the value is exactly `development` or `test`, or is not set at all. */
  readonly mode: 'production' | 'development' | 'test';
  /** True if the value is set, and is neither `production`, `development` nor `test`. */
  readonly nearMiss: boolean;
}

/** Reads NODE_ENV. Call it at set-up only, because each read of `process.env` calls `getenv`. */
export function readEnvironment(raw: string | undefined = process.env.NODE_ENV): Environment {
  if (raw === 'development' || raw === undefined) return { raw, mode: 'development', nearMiss: false };
  if (raw === 'test') return { raw, mode: 'test', nearMiss: false };
  return { raw, mode: 'production', nearMiss: raw !== 'production' };
}

/**
 * Sets NODE_ENV to `production` if it is not set, because a cluster runs in production. `env` is a variable because
 * bundlers replace the text `process.env.NODE_ENV`, even in an assignment.
 */
export function defaultToProduction(): void {
  const { env } = process;
  env.NODE_ENV ??= 'production';
}

/** Whether NODE_ENV is explicitly `development` or `test`, so that responses may contain the stack of an error. */
export function showsStacks({ raw, mode }: Environment): boolean {
  return raw !== undefined && mode !== 'production';
}
