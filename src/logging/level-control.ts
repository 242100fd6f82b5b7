import type { Logger } from 'pino';
import type { LoggerAdapter } from '../support/logger-adapter.js';
import { setLogLevel } from './log-level.js';

/** How the level of a logger is changed. */
interface LevelControl {
  /** The levels that the logger has. */
  readonly known: readonly string[];
  /** Returns a function that restores the earlier level. */
  set(level: string): () => void;
}

interface Bunyan {
  level(level: number | string): void;
  levels(): number[];
  levels(stream: number, level: number | string): void;
}

interface Winston {
  level: string;
  readonly levels?: Readonly<Record<string, number>>;
  readonly transports?: readonly { level?: string }[];
  child(fields: object): Winston;
}

/** Returns the control of a pino of any version, a bunyan or a winston; `undefined` for other loggers. */
export function levelControl({
  kind,
  logger,
}: Pick<LoggerAdapter, 'kind' | 'logger'>): LevelControl | undefined {
  if (kind === 'pino') return pinoControl(logger as Logger);
  if (kind === 'bunyan') return bunyanControl(logger as unknown as Bunyan);
  if (kind === 'winston') return winstonControl(logger as unknown as Winston);
  return undefined;
}

function pinoControl(logger: Logger): LevelControl {
  return {
    known: [...Object.keys(logger.levels.values), 'silent'],
    set: (level) => setLogLevel(logger, level),
  };
}

/** A stream with a higher level, such as a file for errors, is left unchanged. */
function bunyanControl(logger: Bunyan): LevelControl {
  return {
    known: ['trace', 'debug', 'info', 'warn', 'error', 'fatal'],
    set(level) {
      const before = logger.levels();
      const lowest = Math.min(...before);
      const setLowest = (changed: number | string): void => {
        // this call changes all streams, and is the only one that raises the level of the logger
        logger.level(changed);
        for (const [stream, each] of before.entries()) if (each !== lowest) logger.levels(stream, each);
      };
      setLowest(level);
      return () => setLowest(lowest);
    },
  };
}

/** A transport with a level that differs from that of the logger is left unchanged. */
function winstonControl(logger: Winston): LevelControl {
  // the module itself is a logger without `levels`; its children have them
  const { levels = {} } = logger.levels ? logger : logger.child({});
  return {
    known: Object.keys(levels),
    set(level) {
      const before = logger.level;
      const changed = [logger, ...(logger.transports ?? []).filter((each) => each.level === before)];
      for (const each of changed) each.level = level;
      return () => {
        for (const each of changed) each.level = before;
      };
    },
  };
}
