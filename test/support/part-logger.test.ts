import pino from 'pino';
import { logLine } from '../../src/support/logger-adapter.js';
import { isPartLogger, type PartLogger } from '../../src/support/part-logger.js';

/** A logger of a kind, and what it was given. */
function recorder(levels: readonly string[]): { lines: unknown[]; logger: PartLogger } {
  const lines: unknown[] = [];
  const record = (level: string) => (fields: object, message: string) => lines.push([level, fields, message]);
  return { lines, logger: Object.fromEntries(levels.map((level) => [level, record(level)])) as never };
}

describe('a logger of a part', () => {
  it.each([
    ['pino', pino({ enabled: false })],
    ['the console', console],
    ['three functions', recorder(['info', 'warn', 'error']).logger],
  ])('is %s', (_name, logger: PartLogger) => {
    expect(isPartLogger(logger)).toBeUndefined();
  });

  it.each([[{ error() {} }], [() => {}], [null], ['info']])('is not %p', (value) => {
    expect(isPartLogger(value)).toMatch(/a logger with `info`, `warn` and `error`/);
  });

  it('gets fatal lines as errors where it has no fatal', () => {
    const [three, four] = [recorder(['info', 'warn', 'error']), recorder(['info', 'warn', 'error', 'fatal'])];
    for (const { logger } of [three, four]) logLine(logger, 'fatal', { a: 1 }, 'the end');
    expect(three.lines).toEqual([['error', { a: 1 }, 'the end']]);
    expect(four.lines).toEqual([['fatal', { a: 1 }, 'the end']]);
  });

  it('has no effect when it throws', () => {
    const logger = {
      ...recorder(['info', 'warn']).logger,
      error: () => {
        throw new Error('disk full');
      },
    };
    expect(() => logLine(logger, 'error', {}, 'x')).not.toThrow();
    expect(() => logLine(undefined, 'error', {}, 'x')).not.toThrow();
  });
});
