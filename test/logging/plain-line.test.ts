import { tracingChannel } from 'node:diagnostics_channel';
import express from 'express';
import pino from 'pino';
import { createLogger, requestLogger } from '../../src/index.js';
import { plainLineWriter } from '../../src/logging/plain-line.js';
import { messageOf, type RequestLine } from '../../src/logging/request-line.js';
import { closeAll, get, serve } from '../helpers/serve.js';

const usual: RequestLine = {
  reqId: 'a-1',
  trace_id: undefined,
  span_id: undefined,
  method: 'GET',
  url: '/users/7?page=2',
  route: '/users/:id',
  status: 200,
  outcome: 'completed',
  durationMs: 0.4,
  bytes: 34,
  headers: undefined,
  err: undefined,
};

const lines: [what: string, line: RequestLine][] = [
  ['a usual one', usual],
  ['no route', { ...usual, route: undefined }],
  ['a trace', { ...usual, trace_id: 'a'.repeat(32), span_id: 'b'.repeat(16) }],
  ['an abort', { ...usual, status: null, outcome: 'aborted', bytes: undefined }],
  ['an abort as 499', { ...usual, status: 499, outcome: 'aborted' }],
  ['no length', { ...usual, bytes: undefined }],
  ['a length that is no number', { ...usual, bytes: Number.NaN }],
  ['quotes and backslashes', { ...usual, url: '/"\\"?"=\\', route: '/"\\/:id' }],
  ['control characters', { ...usual, url: '/\r\n\u0000\u001b[31m\u007f', route: '/\t' }],
  ['line separators', { ...usual, url: '/\u2028\u2029\u0085', route: undefined }],
  ['other scripts', { ...usual, url: '/漢字/🙂' }],
  ['an id of somebody else', { ...usual, reqId: 'x:y.z_1-"' }],
];

function capture() {
  const written: string[] = [];
  const destination = { write: (text: string) => void written.push(text) };
  return { written, destination };
}

beforeEach(() => jest.useFakeTimers({ now: 1_800_000_000_000 }));
afterEach(() => jest.useRealTimers());

test.each(lines)('a plain line is the one pino writes: %s', (_what, line) => {
  const { written, destination } = capture();
  const logger = createLogger({ destination, level: 'info', base: { pid: 7, app: 'a "b"' } });
  const write = plainLineWriter(logger);
  for (const level of ['info', 'warn', 'error'] as const) {
    logger[level](line, messageOf(line));
    expect(write?.(level, line)).toBe(true);
  }
  expect(written).toHaveLength(6);
  for (let i = 0; i < 6; i += 2) expect(written[i + 1]).toBe(written[i]);
});

test('a plain line has the bindings that were set later', () => {
  const { written, destination } = capture();
  const logger = createLogger({ destination, level: 'info' });
  const write = plainLineWriter(logger);
  logger.setBindings({ release: '1.2.3' });
  write?.('info', usual);
  expect(JSON.parse(written[0] as string)).toMatchObject({ release: '1.2.3', url: usual.url });
});

test('pino writes what needs more than a template', () => {
  const { written, destination } = capture();
  const logger = createLogger({ destination, level: 'info' });
  const write = plainLineWriter(logger);
  expect(write?.('info', { ...usual, headers: { accept: '*/*' } })).toBe(false);
  expect(write?.('info', { ...usual, err: { type: 'Error', message: 'no' } })).toBe(false);
  const { start } = tracingChannel('pino_asJson');
  const subscriber = () => {};
  start.subscribe(subscriber);
  expect(write?.('info', usual)).toBe(false);
  start.unsubscribe(subscriber);
  expect(written).toEqual([]);
});

test('a request logger writes the plain line itself, and passes an error to pino', async () => {
  jest.useRealTimers();
  const { written, destination } = capture();
  const logger = createLogger({ destination, level: 'info' });
  const internals = logger as unknown as Record<symbol, (...args: unknown[]) => void>;
  const original = internals[pino.symbols.writeSym] as (...args: unknown[]) => void;
  const byPino: unknown[] = [];
  internals[pino.symbols.writeSym] = function write(this: unknown, ...args) {
    byPino.push((args[0] as RequestLine).url);
    original.apply(this, args);
  };
  const app = express();
  app.use(requestLogger({ logger }));
  app.get('/good', (_req, res) => void res.send('good'));
  app.get('/bad', (_req, res) => {
    Object.assign(res, { err: new Error('bad') });
    res.status(500).send('bad');
  });
  const { url } = await serve(app);
  await get(`${url}/good`);
  await get(`${url}/bad`);
  await closeAll();
  expect(written.map((line) => JSON.parse(line).url)).toEqual(['/good', '/bad']);
  expect(byPino).toEqual(['/bad']);
});

test('pino writes where an agent has wrapped its function, though name and length are copied', () => {
  const { written, destination } = capture();
  const logger = createLogger({ destination, level: 'info' });
  const internals = logger as unknown as Record<symbol, (...args: unknown[]) => string>;
  const original = internals[pino.symbols.asJsonSym] as (...args: unknown[]) => string;
  const sent: string[] = [];
  const wrapper = function (this: unknown, ...args: unknown[]) {
    const line = original.apply(this, args);
    sent.push(line);
    return line;
  };
  for (const name of ['name', 'length'] as const) {
    Object.defineProperty(wrapper, name, { value: original[name] });
  }
  expect(plainLineWriter(logger)).toBeDefined();
  internals[pino.symbols.asJsonSym] = wrapper;
  expect(plainLineWriter(logger)).toBeUndefined();
  expect(sent).toEqual([]);
  expect(written).toEqual([]);
  expect(Error.prepareStackTrace).toBeUndefined();
});

test('pino writes where an agent has set a mixin', () => {
  const { destination } = capture();
  const logger = createLogger({ destination, level: 'info' });
  const mixin = () => ({ trace_id: '1' });
  Object.assign(logger, { [pino.symbols.mixinSym]: mixin });
  expect(plainLineWriter(logger)).toBeUndefined();
});

test('pino writes for loggers that options or others have changed', () => {
  const { destination } = capture();
  expect(plainLineWriter(createLogger({ destination, redact: ['url'] }))).toBeUndefined();
  expect(plainLineWriter(createLogger({ destination }).child({}, { msgPrefix: 'a ' }))).toBeUndefined();
});
