import pino, { type Logger } from 'pino';
import { readEnvironment } from '../support/environment.js';
import { ProductionizeError, quote, warnOnce } from '../support/errors.js';
import { checkOptions, isMilliseconds, isOneOf } from '../support/options.js';
import type { PartLogger } from '../support/part-logger.js';
import { processWide } from '../support/process-wide.js';
import { logLevelsKey } from '../support/symbols.js';
import { nodemonSignal } from './nodemon.js';

/** Options of {@link setLogLevel}. */
export interface LogLevelOptions {
  /**
   * Milliseconds after which the earlier level is restored; without it, the change is permanent.
   * @default undefined
   */
  readonly revertAfterMs?: number;
}

/** Options of {@link setLogLevelOnSignal}. */
export interface LogLevelSignalOptions {
  /**
   * The level that the signal sets.
   * @default 'debug'
   */
  readonly level?: string;
  /**
   * Milliseconds after which the earlier level is restored.
   * @default 300000
   */
  readonly revertAfterMs?: number;
}

/** A pino of any version. */
type LevelledLogger = Pick<Logger, 'level' | 'levels'> & Pick<PartLogger, 'info'>;

/** A level set by {@link setLogLevel}, with the timer that restores the earlier one. */
interface Override {
  readonly level: string;
  readonly timer: NodeJS.Timeout | undefined;
}

interface LevelState {
  /** Children with their own level. The others inherit the level of their parent. */
  readonly children: WeakRef<LevelledLogger>[];
  pruneAt: number;
  /** The levels to restore; `undefined` without an override. */
  normal: Map<LevelledLogger, string> | undefined;
  override: Override | undefined;
}

const { levelValSym } = pino.symbols;

const states = processWide(logLevelsKey, () => new WeakMap<LevelledLogger, LevelState>());

function newState(): LevelState {
  return { children: [], pruneAt: 64, normal: undefined, override: undefined };
}

/** Tracks the children of a logger that is about to be created. */
export function trackChildren(): { onChild: (child: Logger) => void; of: (logger: Logger) => void } {
  const state = newState();
  return {
    onChild(child) {
      if (!Object.hasOwn(child, levelValSym)) return;
      state.children.push(new WeakRef(child));
      if (state.children.length > state.pruneAt) prune(state);
    },
    of(logger) {
      states.set(logger, state);
    },
  };
}

function prune(state: LevelState): void {
  const live = state.children.filter((ref) => ref.deref() !== undefined);
  state.children.splice(0, Infinity, ...live);
  state.pruneAt = Math.max(64, live.length * 2);
}

/**
 * Changes the level of a logger while the process runs. Existing children change with it. Children of a logger of
 * {@link createLogger} do so even when they have their own level. Returns a function that restores the earlier level. A
 * later call replaces this change, and the normal level is restored in any case.
 *
 * @throws ProductionizeError when the level is unknown to the logger.
 * @example
 * app.post('/admin/debug', requireAdmin, (req, res) => {
 *   setLogLevel(logger, 'debug', { revertAfterMs: 60_000 })
 *   res.sendStatus(204)
 * })
 */
export function setLogLevel(
  logger: Pick<Logger, 'level' | 'levels'> & Pick<PartLogger, 'info'>,
  level: string,
  options?: LogLevelOptions,
): () => void {
  const { revertAfterMs } = checkOptions('setLogLevel', options, {
    revertAfterMs: isMilliseconds(1),
  });
  if (typeof level !== 'string' || logger.levels.values[level] === undefined) {
    const known = [...Object.keys(logger.levels.values), 'silent'].join(', ');
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_OPTION',
      `setLogLevel: expected one of the levels ${known}, got ${quote(level)}.`,
    );
  }
  const state = states.get(logger) ?? newState();
  states.set(logger, state);
  clearTimeout(state.override?.timer);
  const affected = [logger, ...state.children.flatMap((ref) => ref.deref() ?? [])];
  state.normal ??= new Map(affected.map((each) => [each, each.level]));
  for (const each of affected) each.level = level;

  const revert = (): void => {
    if (state.override !== override) return;
    clearTimeout(override.timer);
    for (const [each, normal] of state.normal ?? []) if (each.level === level) each.level = normal;
    state.normal = undefined;
    state.override = undefined;
  };
  const timer = revertAfterMs === undefined ? undefined : setTimeout(revert, revertAfterMs).unref();
  const override: Override = { level, timer };
  state.override = override;
  return revert;
}

/**
 * Changes the level of a logger for a time when the process receives a signal. The same signal again restores the
 * earlier level. Returns a function that removes the listener and restores the level. Outside production, the signal with
 * which nodemon restarts the app is left to nodemon, with a warning.
 *
 * @throws ProductionizeError when the signal or an option is wrong.
 * @example
 * const stop = setLogLevelOnSignal(logger, 'SIGUSR2') // kill -USR2 <pid>: debug for five minutes
 */
export function setLogLevelOnSignal(
  logger: Pick<Logger, 'level' | 'levels'> & Pick<PartLogger, 'info'>,
  signal: NodeJS.Signals,
  options?: LogLevelSignalOptions,
): () => void {
  checkOptions('setLogLevelOnSignal', { signal }, { signal: isLevelSignal });
  const { level = 'debug', revertAfterMs = 300_000 } = checkOptions('setLogLevelOnSignal', options, {
    level: isOneOf(...Object.keys(logger.levels.values), 'silent'),
    revertAfterMs: isMilliseconds(1),
  });
  if (readEnvironment().mode !== 'production' && nodemonSignal() === signal) {
    warnOnce(
      'ERR_PRODUCTIONIZE_LEVEL_SIGNAL',
      `${signal} does not change the log level, because nodemon restarts the app with it and a listener would prevent that. Run nodemon with --signal SIGTERM, or use ${signal === 'SIGUSR2' ? 'SIGUSR1' : 'SIGUSR2'} for the log level.`,
    );
    return () => {};
  }
  let takeBack: (() => void) | undefined;
  const onSignal = (): void => {
    if (takeBack !== undefined && states.get(logger)?.override !== undefined) {
      takeBack();
      takeBack = undefined;
    } else {
      takeBack = setLogLevel(logger, level, { revertAfterMs });
    }
    logger.info({ signal }, `the log level is ${logger.level}`);
  };
  process.on(signal, onSignal);
  return () => {
    process.off(signal, onSignal);
    takeBack?.();
  };
}

/** The signals that can change a level. Signals that end the process or that Node reserves cannot. */
export const isLevelSignal = isOneOf('SIGUSR2', 'SIGUSR1', 'SIGHUP', 'SIGWINCH', 'SIGCONT');
