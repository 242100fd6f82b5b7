import { Writable } from 'node:stream';
import bunyan from 'bunyan';
import { type DestinationStream, pino } from 'pino';
import { pino as pino8 } from 'pino-8';
import winston from 'winston';
import { exposeLevel, type LevelRequest, type LoggerLevel } from '../../src/logging/app-loggers.js';
import { adaptLogger } from '../../src/support/logger-adapter.js';
import type { PartLogger } from '../../src/support/part-logger.js';
import { workerTasks } from '../../src/support/worker-tasks.js';

const request = (argument: LevelRequest) => workerTasks.get('log-level')?.(argument) as LoggerLevel[];
const removals: (() => void)[] = [];

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  for (const remove of removals.splice(0)) remove();
  jest.useRealTimers();
});

function expose(logger: unknown): void {
  const app = {};
  const remove = exposeLevel(app, adaptLogger(logger as PartLogger));
  // the list holds no app in memory, so this does
  removals.push(() => app && remove());
}

/** A logger of each kind that writes only errors to a second place, and what the two places received. */
function bunyanWithErrors() {
  const places: string[][] = [[], []];
  const streams = (['info', 'error'] as const).map((level, at) => ({
    type: 'raw' as const,
    level,
    stream: { write: (record: { msg: string }) => places[at]?.push(record.msg) } as never,
  }));
  return { places, logger: bunyan.createLogger({ name: 'app', streams }) };
}

function winstonWithErrors() {
  const places: string[][] = [[], []];
  const transports = (['info', 'error'] as const).map((level, at) => {
    const stream = new Writable({
      write(chunk, _encoding, callback) {
        places[at]?.push(JSON.parse(String(chunk)).message);
        callback();
      },
    });
    return new winston.transports.Stream({ level, stream });
  });
  return { places, logger: winston.createLogger({ level: 'info', transports }) };
}

describe('the task log-level', () => {
  it.each([
    ['pino', (to: DestinationStream) => pino({ level: 'info' }, to)],
    ['pino 8', (to: DestinationStream) => pino8({ level: 'info' }, to)],
  ])('changes a %s and its children for a time', (_name, create) => {
    const lines: string[] = [];
    const logger = create({ write: (line: string) => void lines.push(JSON.parse(line).msg) });
    expose(logger);
    expect(request({})).toEqual([{ logger: 'pino', level: 'info' }]);
    expect(request({ level: 'debug', revertAfterMs: 1000 })).toEqual([
      { logger: 'pino', level: 'debug', before: 'info', revertsInMs: 1000 },
    ]);
    adaptLogger(logger).child({}).debug('seen');
    jest.advanceTimersByTime(1000);
    adaptLogger(logger).child({}).debug('not seen');
    expect(lines).toEqual(['the log level is debug', 'seen']);
    expect(request({})).toEqual([{ logger: 'pino', level: 'info' }]);
  });

  it.each([
    ['bunyan', bunyanWithErrors],
    ['winston', winstonWithErrors],
  ])('changes a %s, except where it writes errors only', (kind, create) => {
    const { logger, places } = create();
    expose(logger);
    expect(request({ level: 'debug', revertAfterMs: 1000 })).toEqual([
      { logger: kind, level: 'debug', before: 'info', revertsInMs: 1000 },
    ]);
    logger.debug('seen');
    jest.advanceTimersByTime(1000);
    logger.debug('not seen');
    logger.error('failed');
    expect(places).toEqual([['the log level is debug', 'seen', 'failed'], ['failed']]);
    expect(request({})).toEqual([{ logger: kind, level: 'info' }]);
  });

  it('a later change replaces the earlier one, and the normal level returns', () => {
    const { logger } = winstonWithErrors();
    expose(logger);
    request({ level: 'silly', revertAfterMs: 1000 });
    request({ level: 'warn', revertAfterMs: 5000 });
    jest.advanceTimersByTime(1000);
    expect(request({})).toEqual([{ logger: 'winston', level: 'warn', revertsInMs: 4000 }]);
    jest.advanceTimersByTime(4000);
    expect(request({})).toEqual([{ logger: 'winston', level: 'info' }]);
    request({ level: 'error' });
    jest.advanceTimersByTime(1e9);
    expect(request({})).toEqual([{ logger: 'winston', level: 'error' }]);
  });

  it('names what it cannot change', () => {
    const { logger } = winstonWithErrors();
    expose(logger);
    expose(console);
    expect(request({ level: 'trace' })).toEqual([
      {
        logger: 'winston',
        level: 'info',
        error: `expected one of the levels error, warn, info, http, verbose, debug, silly, got 'trace'`,
      },
      { logger: 'other', level: null, error: 'a logger of this kind has no level to set' },
    ]);
  });

  it('changes a logger of two apps once, and none of an app that was restored', () => {
    const logger = pino({ level: 'info' }, { write() {} });
    expose(logger);
    expose(logger);
    expect(request({ level: 'debug' })).toHaveLength(1);
    for (const remove of removals.splice(0)) remove();
    expect(() => request({})).toThrow('no app of this worker has a logger');
  });
});
