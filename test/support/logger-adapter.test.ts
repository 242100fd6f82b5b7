import { Writable } from 'node:stream';
import bunyan from 'bunyan';
import { pino } from 'pino';
import { pino as pino8 } from 'pino-8';
import winston from 'winston';
import { adaptLogger } from '../../src/support/logger-adapter.js';
import type { LogLevel, PartLogger } from '../../src/support/part-logger.js';

const allLevels: readonly LogLevel[] = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'];

/** A winston with these levels, and the lines it writes. */
function winstonOf(levels: winston.LoggerOptions['levels'], level: string, format = winston.format.json()) {
  const lines: Record<string, unknown>[] = [];
  const stream = new Writable({
    write(chunk, _encoding, callback) {
      lines.push(JSON.parse(String(chunk)));
      callback();
    },
  });
  const transports = [new winston.transports.Stream({ stream })];
  return { lines, logger: winston.createLogger({ levels, level, format, transports }) };
}

function bunyanTo(lines: Record<string, unknown>[], level: bunyan.LogLevel = 'trace') {
  const stream = { write: (record: unknown) => void lines.push(record as Record<string, unknown>) };
  return bunyan.createLogger({ name: 'app', streams: [{ type: 'raw', level, stream: stream as never }] });
}

describe('the adapter of a winston', () => {
  it.each<[string, winston.LoggerOptions['levels'], string, string[]]>([
    ['npm', winston.config.npm.levels, 'silly', ['error', 'error', 'warn', 'info', 'debug', 'silly']],
    ['syslog', winston.config.syslog.levels, 'debug', ['crit', 'error', 'warning', 'info', 'debug', 'debug']],
    ['other', { panic: 0, bad: 1, good: 2 }, 'good', ['panic', 'bad', 'good', 'good', 'good', 'good']],
  ])('maps all levels to the %s levels', (_name, levels, lowest, expected) => {
    const unknown = jest.spyOn(console, 'error');
    const { lines, logger } = winstonOf(levels, lowest);
    for (const level of allLevels) adaptLogger(logger).write(level, { a: 1 }, 'text');
    expect(lines.map(({ level }) => level)).toEqual(expected);
    expect(unknown).not.toHaveBeenCalled();
  });

  it('writes all fields of a line whose message contains %d', () => {
    const { lines, logger } = winstonOf(
      undefined,
      'info',
      winston.format.combine(winston.format.splat(), winston.format.json()),
    );
    adaptLogger(logger).write('info', { a: 1, none: undefined }, 'GET /100%d 200');
    expect(lines).toEqual([{ level: 'info', message: 'GET /100%d 200', a: 1 }]);
  });

  it('warns of a line whose format throws, and writes the next one', () => {
    let fails = true;
    const broken = winston.format((info) => {
      if (fails) throw new Error('format');
      return info;
    });
    const warning = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const { lines, logger } = winstonOf(
      undefined,
      'info',
      winston.format.combine(broken(), winston.format.json()),
    );
    const adapter = adaptLogger(logger);
    adapter.write('error', {}, 'one');
    fails = false;
    adapter.write('error', {}, 'two');
    expect(lines).toMatchObject([{ message: 'two' }]);
    expect(warning).toHaveBeenCalledTimes(1);
    warning.mockRestore();
  });

  it('follows its level, and takes the module itself', () => {
    const { logger } = winstonOf(undefined, 'warn');
    const adapter = adaptLogger(logger);
    expect([adapter.isLevelEnabled('info'), adapter.isLevelEnabled('warn')]).toEqual([false, true]);
    logger.level = 'info';
    expect([adapter.level, adapter.isLevelEnabled('info')]).toEqual(['info', true]);
    expect(adaptLogger(winston).kind).toBe('winston');
  });
});

describe('the adapter of a bunyan', () => {
  it('follows its levels and streams, and writes the error with its cause', () => {
    const lines: Record<string, unknown>[] = [];
    const logger = bunyanTo(lines, 'warn');
    logger.addSerializers(bunyan.stdSerializers);
    const adapter = adaptLogger(logger);
    expect([adapter.kind, adapter.level, adapter.isLevelEnabled('info')]).toEqual(['bunyan', 'warn', false]);
    adapter.write('info', {}, 'not yet');
    logger.level('info');
    adapter.write('info', { a: 1 }, '100%d');
    const err = {
      type: 'Error',
      message: 'no',
      stack: 'Error: no',
      cause: { type: 'Error', message: 'why' },
    };
    adapter.write('error', { err }, 'failed');
    expect(lines).toMatchObject([
      { level: 30, msg: '100%d', a: 1 },
      { level: 50, msg: 'failed', err: { type: 'Error', message: 'no', cause: { message: 'why' } } },
    ]);
  });
});

describe('the adapter of a pino', () => {
  it.each([
    ['pino 10', pino],
    ['pino 8', pino8 as never as typeof pino],
  ])('%s: follows a level that is set later', (_name, make) => {
    const lines: string[] = [];
    const logger = make({ level: 'error' }, { write: (line: string) => void lines.push(line) });
    const adapter = adaptLogger(logger);
    expect([adapter.kind, adapter.level, adapter.isLevelEnabled('info')]).toEqual(['pino', 'error', false]);
    logger.level = 'debug';
    adapter.write('debug', { a: 1, none: undefined }, '%d');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ level: 20, a: 1, msg: '%d' }]);
  });

  it('keeps the fields of its mixin', () => {
    const lines: string[] = [];
    const mixin = () => ({ trace_id: 'of the mixin' });
    const logger = pino({ mixin }, { write: (line: string) => void lines.push(line) });
    adaptLogger(logger).write('info', { trace_id: undefined }, 'text');
    expect(JSON.parse(lines[0] as string)).toMatchObject({ trace_id: 'of the mixin' });
  });
});

describe('the adapter of another logger', () => {
  it.each<[string, unknown]>([
    ['loglevel', { levels: { INFO: 2 }, log() {}, info() {}, warn() {}, error() {} }],
    ['the console', console],
  ])('is that of no known kind: %s', (_name, logger) => {
    expect(adaptLogger(logger as PartLogger).kind).toBe('other');
  });

  it('never throws, whatever the logger does', async () => {
    const broken = () => {
      throw new Error('broken');
    };
    const warning = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const names = ['info', 'warn', 'error', 'child', 'isLevelEnabled', 'flush'];
    const adapter = adaptLogger(Object.fromEntries(names.map((name) => [name, broken])) as never);
    for (const level of allLevels) adapter.write(level, {}, 'text');
    adapter.child({ a: 1 }).info('text');
    expect(adapter.isLevelEnabled('info')).toBe(true);
    await adapter.flush();
    // one warning at most every ten seconds
    expect(warning).toHaveBeenCalledTimes(1);
    warning.mockRestore();
  });

  it('is shared by all parts that have the same logger', () => {
    expect(adaptLogger(console)).toBe(adaptLogger(console));
    expect(adaptLogger(adaptLogger(console))).toBe(adaptLogger(console));
  });
});
