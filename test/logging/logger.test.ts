import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import express from 'express';
import pino from 'pino';
import { createLogger } from '../../src/index.js';
import { serializeError } from '../../src/logging/index.js';
import { setLogLevel } from '../../src/logging/log-level.js';
import { memoryLog } from '../helpers/memory-log.js';
import { killAll, run } from '../helpers/program.js';
import { closeAll, get, serve } from '../helpers/serve.js';

afterEach(async () => {
  killAll();
  await closeAll();
});

/** A logger in memory. */
function memoryLogger(options: Parameters<typeof createLogger>[0] = {}) {
  const { lines, destination } = memoryLog();
  return { lines, logger: createLogger({ level: 'info', destination, ...options }) };
}

describe('createLogger', () => {
  it('logs epoch milliseconds and the pid, as pino does', () => {
    const { logger, lines } = memoryLogger();
    const before = Date.now();
    logger.info({ a: 1 }, 'hello');
    expect(lines).toEqual([{ level: 30, time: expect.any(Number), pid: process.pid, a: 1, msg: 'hello' }]);
    expect(lines[0]?.time).toBeGreaterThanOrEqual(before);
  });

  it('takes fields for every line, and paths to redact', () => {
    const { logger, lines } = memoryLogger({ base: { service: 'shop' }, redact: ['user.email'] });
    logger.info({ user: { email: 'a@b.c' } });
    expect(lines).toEqual([
      { level: 30, time: expect.any(Number), service: 'shop', user: { email: '[Redacted]' } },
    ]);
  });

  it('is silent where NODE_ENV is test, unless a level is given', () => {
    expect(createLogger().level).toBe('silent');
    expect(createLogger({ level: undefined }).level).toBe('silent');
    expect(createLogger({ level: 'warn' }).level).toBe('warn');
  });

  it('adds no process listener before the first line', () => {
    const before = process.listenerCount('SIGTERM');
    createLogger();
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });

  it.each(['err', 'error'])('logs an error under %s without what hangs on it', (name) => {
    const { logger, lines } = memoryLogger();
    const config = { headers: { authorization: 'Bearer hunter2' } };
    logger.info({ [name]: Object.assign(new Error('refused'), { config }) }, 'failed');
    logger.child({ [name]: Object.assign(new Error('refused'), { config }) }).info('failed');
    for (const line of lines) {
      expect(line[name]).toEqual({ type: 'Error', message: 'refused', stack: expect.any(String) });
    }
    expect(lines).toHaveLength(2);
  });

  it('logs what is no error under error as it is', () => {
    const { logger, lines } = memoryLogger();
    for (const error of ['text', { reason: 1 }, null]) logger.info({ error });
    expect(lines.map(({ error }) => error)).toEqual(['text', { reason: 1 }, null]);
  });

  it('throws nothing where a line cannot be written, and reports it', () => {
    const { logger, lines } = memoryLogger();
    const unreadable = {
      get field() {
        throw new Error('a getter');
      },
    };
    logger.warn(unreadable);
    // as the query of Express 5
    logger.warn('query %s', Object.create(null));
    logger.warn('%d', Symbol('x') as never);
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatchObject({ level: 40, msg: 'a line could not be written' });
    expect(lines[0]?.err.message).toBe('a getter');
  });

  it('appends to the file of a path', async () => {
    const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'logger-')), 'app.log');
    const logger = createLogger({ level: 'info', destination: file });
    logger.info('to a file');
    await new Promise((resolve) => logger.flush(resolve));
    expect(JSON.parse(fs.readFileSync(file, 'utf8'))).toMatchObject({ msg: 'to a file' });
    fs.rmSync(path.dirname(file), { recursive: true });
  });

  it('writes a shorter line where a censor throws, without what it censors', () => {
    const censor = () => {
      throw new Error('a censor');
    };
    const { logger, lines } = memoryLogger({ redact: { paths: ['secret', 'err.message'], censor } });
    logger.info({ secret: 'hunter2' }, 'GET /a 200');
    logger.error({ err: new Error('hunter2'), secret: 1 }, 'GET /boom 500');
    expect(lines).toMatchObject([
      { level: 30, line: 'GET /a 200', msg: 'a line could not be written', err: { message: 'a censor' } },
      { level: 50, line: 'GET /boom 500', err: { message: 'a censor' } },
    ]);
    expect(JSON.stringify(lines)).not.toContain('hunter2');
  });

  it('throws nothing where the destination throws, and warns with the reason', () => {
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const logger = createLogger({
      level: 'info',
      destination: {
        write() {
          throw new Error('the destination is full');
        },
      },
    });
    for (let i = 0; i < 5; i++) logger.info('lost');
    expect(emitWarning).toHaveBeenCalledTimes(1);
    expect(emitWarning.mock.calls[0]?.[0]).toMatch(
      /A log line could not be written: Error: the destination is full/,
    );
    emitWarning.mockRestore();
  });

  it('quotes no body in the message or the stack of a body parser error', async () => {
    const { logger, lines } = memoryLogger();
    const app = express();
    app.use(express.json());
    app.use(((error, _req, res, _next) => {
      logger.error(error);
      logger.error({ err: error });
      logger.error({ err: error }, 'refused');
      res.sendStatus(400);
    }) as express.ErrorRequestHandler);
    const { url } = await serve(app);
    await get(url, {
      method: 'POST',
      body: 'hunter2 is my password',
      headers: { 'content-type': 'application/json' },
    });
    expect(lines).toHaveLength(3);
    expect(JSON.stringify(lines)).not.toMatch(/hunter2|password/);
    expect(lines[0]?.err).toMatchObject({ type: 'SyntaxError', status: 400 });
    expect(lines[0]?.msg).toBe('the body was refused (entity.parse.failed)');
  });

  it('survives errors that fight back', () => {
    const { logger, lines } = memoryLogger();
    const { proxy, revoke } = Proxy.revocable(new Error('gone'), {});
    revoke();
    const hostile = new Error('x');
    Object.defineProperty(hostile, 'message', {
      get() {
        throw new Error('no');
      },
    });
    for (const value of [proxy, hostile]) {
      logger.error(value);
      logger.error(value, 'with a message');
      logger.error({ err: value });
    }
    expect(lines).toHaveLength(6);
    for (const line of lines) expect(line).toMatchObject({ level: 50, msg: expect.any(String) });
  });

  it.each([
    [{ level: 'loud' }, /`level` to be one of 'trace', .*'silent', got 'loud'/],
    [{ destination: {} } as never, /an object with a `write` method/],
    [{ levelSignal: 'SIGKILL' }, /`levelSignal`/],
    [{ lvl: 'info' } as never, /unknown option 'lvl'/],
  ])('refuses %j', (options, message) => {
    expect(() => createLogger(options as Parameters<typeof createLogger>[0])).toThrow(message);
  });
});

describe('serializeError', () => {
  it('logs type, message, stack, code, status and cause, and nothing else', () => {
    class ChargeError extends Error {}
    const cause = Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' });
    const error = Object.assign(new ChargeError('no charge', { cause }), {
      statusCode: 502,
      config: { headers: { Authorization: 'Bearer secret' } },
    });
    const logged = serializeError(error);
    expect(logged).toMatchObject({
      type: 'ChargeError',
      message: 'no charge',
      stack: expect.stringContaining('logger.test'),
      status: 502,
      cause: { type: 'Error', message: 'timed out', code: 'ETIMEDOUT', stack: expect.any(String) },
    });
    expect(JSON.stringify(logged)).not.toContain('Bearer');
  });

  it.each([undefined, null, 0, false, '', 'text', 10n, Symbol('s'), () => 1, Object.create(null), []])(
    'describes the thrown value %p',
    (value) => {
      expect(serializeError(value)).toMatchObject({ type: expect.any(String), message: expect.any(String) });
      expect(JSON.stringify(serializeError(value)).length).toBeLessThan(300);
    },
  );

  it('follows causes and aggregated errors to a fixed depth and number', () => {
    let error = new Error('root');
    for (let depth = 0; depth < 100; depth++) error = new Error('x'.repeat(1e6), { cause: error });
    expect(JSON.stringify(serializeError(error)).length).toBeLessThan(100_000);
    const wide = (depth: number): Error =>
      depth === 0 ? new Error('leaf') : new AggregateError(Array.from({ length: 6 }, () => wide(depth - 1)));
    expect(JSON.stringify(serializeError(wide(5))).length).toBeLessThan(300_000);
  });

  it('ends at cycles', () => {
    const error = new Error('a');
    error.cause = new AggregateError([error, new Error('b')], 'many');
    expect(serializeError(error)).toMatchObject({
      message: 'a',
      cause: { type: 'AggregateError', message: 'many' },
    });
  });

  it('removes the input from the errors of JSON.parse', () => {
    const error = (() => {
      try {
        return JSON.parse('hunter2') as unknown;
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(JSON.stringify(serializeError(error))).not.toContain('hunter2');
    expect(serializeError(error).stack).toMatch(/^at JSON\.parse/);
  });

  it('returns an error that it serialized before unchanged', () => {
    const logged = serializeError(new TypeError('x'));
    expect(serializeError(logged)).toBe(logged);
    expect(serializeError({ ...logged })).toMatchObject({ type: 'TypeError', message: 'x' });
  });

  it('lists no plain objects, which quote what was validated', () => {
    const error = Object.assign(new Error('invalid'), { errors: [{ message: 'bad', value: 'hunter2' }] });
    expect(JSON.stringify(serializeError(error))).not.toContain('hunter2');
  });
});

describe('setLogLevel', () => {
  afterEach(() => jest.useRealTimers());

  it('reaches children made earlier and returns to normal after its time', () => {
    jest.useFakeTimers();
    const { logger, lines } = memoryLogger();
    const child = logger.child({ child: 1 });
    const quiet = logger.child({ quiet: 1 }, { level: 'error' });
    const grandchild = quiet.child({ grandchild: 1 });
    const all = [logger, child, quiet, grandchild];
    const say = () => {
      for (const each of all) each.debug('said');
    };

    say();
    setLogLevel(logger, 'debug', { revertAfterMs: 60_000 });
    say();
    expect(lines).toHaveLength(4);
    jest.advanceTimersByTime(60_000);
    say();
    expect(lines).toHaveLength(4);
    expect(all.map(({ level }) => level)).toEqual(['info', 'info', 'error', 'error']);
  });

  it('takes a change back, and an earlier undo does not touch a later change', () => {
    const { logger } = memoryLogger();
    const first = setLogLevel(logger, 'debug');
    const second = setLogLevel(logger, 'trace');
    first();
    expect(logger.level).toBe('trace');
    second();
    second();
    expect(logger.level).toBe('info');
  });

  it('works on a logger that was not made by createLogger', () => {
    const { lines, destination } = memoryLog();
    const logger = pino({}, destination);
    const child = logger.child({});
    const undo = setLogLevel(logger, 'debug');
    child.debug('said');
    undo();
    child.debug('not said');
    expect(lines).toHaveLength(1);
  });

  it('holds no child that is gone', () => {
    const { logger } = memoryLogger();
    for (let n = 0; n < 1000; n++) logger.child({}, { level: 'error' });
    setLogLevel(logger, 'debug')();
    expect(logger.level).toBe('info');
  });

  it('names an unknown level', () => {
    const { logger } = memoryLogger();
    expect(() => setLogLevel(logger, 'loud')).toThrow(/one of the levels trace, .*silent, got 'loud'/);
  });

  it('changes with a signal, back with the same signal, and back after its time', async () => {
    const program = run('log-level.mjs', { args: ['600000'] });
    await program.line(/ready/);
    program.child.kill('SIGUSR2');
    await program.line(/the log level is debug/);
    await program.line(/debug is on/);
    program.child.kill('SIGUSR2');
    await program.line(/the log level is info/);

    const brief = run('log-level.mjs', { args: ['1'] });
    await brief.line(/ready/);
    brief.child.kill('SIGUSR2');
    await brief.line(/^level debug$/);
    await brief.line(/^level info$/);
  });
});
