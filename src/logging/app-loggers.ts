import { quote } from '../support/errors.js';
import type { LoggerAdapter } from '../support/logger-adapter.js';
import { isMilliseconds } from '../support/options.js';
import { processWide } from '../support/process-wide.js';
import { appLoggersKey } from '../support/symbols.js';
import { WeakList } from '../support/weak-list.js';
import { addWorkerTask } from '../support/worker-tasks.js';
import { levelControl } from './level-control.js';

/** The argument of the task `log-level`. Without a level, the task changes nothing. */
export interface LevelRequest {
  readonly level?: string;
  /** Without it, the change is permanent. */
  readonly revertAfterMs?: number;
}

/** The level of one logger of a worker, as plain data. */
export interface LoggerLevel {
  /** Its kind, such as `pino`. */
  readonly logger: string;
  readonly level: string | null;
  /** The level before the change. */
  readonly before?: string | null;
  /** Milliseconds until the normal level is restored. */
  readonly revertsInMs?: number;
  /** Why the level was not changed. */
  readonly error?: string;
}

interface Override {
  revert(): void;
  readonly timer: NodeJS.Timeout | undefined;
  readonly endsAt: number | undefined;
}

interface AppLogger {
  readonly adapter: Pick<LoggerAdapter, 'kind' | 'level' | 'info' | 'logger'>;
  override: Override | undefined;
}

/** The loggers of all apps of this process. Apps may share one. */
const appLoggers = processWide(appLoggersKey, () => new WeakList<AppLogger>());

/** Lets the primary change the level of an app's logger. Returns a function that ends this. */
export function exposeLevel(app: object, adapter: AppLogger['adapter']): () => void {
  addWorkerTask('log-level', levelTask);
  const same = [...appLoggers].find((each) => each.adapter.logger === adapter.logger);
  return appLoggers.add(app, same ?? { adapter, override: undefined }, () => {});
}

function levelTask(argument: unknown): LoggerLevel[] {
  const { level, revertAfterMs } = Object(argument) as LevelRequest;
  const expected = revertAfterMs === undefined ? undefined : isMilliseconds(1)(revertAfterMs);
  if (expected) throw new Error(`log-level: expected ${expected}, got ${quote(revertAfterMs)}`);
  const all = [...new Set(appLoggers)];
  if (all.length === 0) throw new Error('no app of this worker has a logger');
  return all.map((each) => (level === undefined ? present(each) : change(each, level, revertAfterMs)));
}

function present({ adapter, override }: AppLogger): LoggerLevel {
  const { endsAt } = override ?? {};
  const revertsInMs = endsAt === undefined ? undefined : Math.max(0, Math.round(endsAt - performance.now()));
  return {
    logger: adapter.kind,
    level: adapter.level ?? null,
    ...(revertsInMs !== undefined && { revertsInMs }),
  };
}

function change(each: AppLogger, level: string, revertAfterMs: number | undefined): LoggerLevel {
  const { adapter, override: earlier } = each;
  const control = levelControl(adapter);
  if (control === undefined) return { ...present(each), error: 'a logger of this kind has no level to set' };
  if (!control.known.includes(level)) {
    const error = `expected one of the levels ${control.known.join(', ')}, got ${quote(level)}`;
    return { ...present(each), error };
  }
  const before = adapter.level ?? null;
  earlier?.revert();
  const putBack = control.set(level);
  const revert = (): void => {
    clearTimeout(override.timer);
    if (each.override === override) each.override = undefined;
    putBack();
  };
  const timer =
    revertAfterMs === undefined ? undefined : setTimeout(() => override.revert(), revertAfterMs).unref();
  const endsAt = revertAfterMs === undefined ? undefined : performance.now() + revertAfterMs;
  const override: Override = { revert, timer, endsAt };
  each.override = override;
  adapter.info(
    { before, ...(revertAfterMs !== undefined && { revertAfterMs }) },
    `the log level is ${level}`,
  );
  return { ...present(each), before };
}
