import { AsyncLocalStorage } from 'node:async_hooks';
import type http from 'node:http';
import express5 from 'express';
import { pino } from 'pino';
import { createLogger, productionize, requestLogger } from '../../src/index.js';
import { expressVersions } from '../helpers/express-versions.js';
import { memoryLog } from '../helpers/memory-log.js';
import { closeAll, get, serve } from '../helpers/serve.js';

interface Ids {
  readonly traceId: string;
  readonly spanId: string;
}

const registry = globalThis as unknown as Record<symbol, unknown>;
const apiKey = Symbol.for('opentelemetry.js.api.1');
const spanKey = Symbol.for('OpenTelemetry Context Key SPAN');
const spans = new AsyncLocalStorage<Ids>();

/** Registers a context manager in the way of OpenTelemetry's API. */
function register(): void {
  const active = () => ({
    getValue(key: symbol) {
      const ids = key === spanKey ? spans.getStore() : undefined;
      return ids && { spanContext: () => ids };
    },
  });
  registry[apiKey] = { version: '1.9.1', context: { active } };
}

afterEach(async () => {
  delete registry[apiKey];
  await closeAll();
});

const server: Ids = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
const inner: Ids = { traceId: 'a'.repeat(32), spanId: 'c'.repeat(16) };
const traceparent = `00-${'d'.repeat(32)}-${'e'.repeat(16)}-01`;

/** Serves an app inside a span. The listeners of a response run in that span, as OpenTelemetry binds them. */
function serveInSpan(app: http.RequestListener, ids: Ids | undefined) {
  return serve((req, res) => {
    if (ids === undefined) {
      app(req, res);
      return;
    }
    const { on } = res;
    res.on = function bound(name, listener) {
      const run = (...args: unknown[]) =>
        spans.run(ids, () => (listener as (...args: unknown[]) => void).apply(res, args));
      return on.call(res, name, run);
    };
    spans.run(ids, () => app(req, res));
  });
}

/** The lines as text, in which a key that is written twice is seen. */
function textLog() {
  const log = memoryLog();
  const texts: string[] = [];
  const destination = {
    write(text: string) {
      texts.push(text);
      log.destination.write(text);
    },
  };
  return { ...log, texts, destination };
}

function onceEach(texts: readonly string[]): void {
  for (const text of texts) {
    for (const key of ['trace_id', 'span_id']) expect(text.split(`"${key}":`)).toHaveLength(2);
  }
}

describe.each(expressVersions)('beside OpenTelemetry on %s', (_name, express) => {
  function start(log: ReturnType<typeof textLog>, ids: Ids | undefined) {
    const app = express();
    app.get('/users/:id', (req, res) => {
      req.log.info('in the handler');
      spans.run(inner, () => req.log.info('in an inner span'));
      res.json({});
    });
    app.get('/boom', () => {
      throw new Error('boom');
    });
    productionize(app, { logger: { level: 'info', destination: log.destination } });
    return serveInSpan(app as never, ids);
  }

  it.each([
    ['without', {}],
    ['with', { traceparent }],
  ])('each line has the ids of the current span once, %s an incoming traceparent', async (_what, headers) => {
    register();
    const log = textLog();
    const { url } = await start(log, server);
    for (const path of ['/users/7', '/boom', '/none']) {
      await get(`${url}${path}`, { headers: headers as Record<string, string> });
      await log.line((line) => line.url === path && line.status !== undefined);
    }
    onceEach(log.texts);
    expect(log.lines.map(({ msg, trace_id, span_id }) => [msg, trace_id, span_id])).toEqual([
      ['in the handler', server.traceId, server.spanId],
      ['in an inner span', inner.traceId, inner.spanId],
      ['GET /users/:id 200', server.traceId, server.spanId],
      ['GET /boom 500', server.traceId, server.spanId],
      ['GET /none 404', server.traceId, server.spanId],
    ]);
  });

  it('has the ids of the traceparent while no span is active, and none without either', async () => {
    register();
    const log = textLog();
    const { url } = await start(log, undefined);
    await get(`${url}/none`, { headers: { traceparent } });
    await log.line(({ url }) => url === '/none');
    await get(`${url}/boom`);
    await log.line(({ url }) => url === '/boom');
    const [first, second] = log.texts as [string, string];
    onceEach([first]);
    expect(JSON.parse(first)).toMatchObject({ trace_id: 'd'.repeat(32), span_id: 'e'.repeat(16) });
    expect(second).not.toMatch(/trace_id|span_id/);
  });

  it('adds the ids once to lines of a pino whose mixin has them as well', async () => {
    register();
    const log = textLog();
    const mixin = () => {
      const ids = spans.getStore();
      return { tenant: 't1', ...(ids && { trace_id: ids.traceId, span_id: ids.spanId }) };
    };
    const app = express();
    app.use(requestLogger({ logger: pino({ mixin }, log.destination) }));
    app.get('/', (req, res) => {
      req.log.info('in the handler');
      res.sendStatus(500);
    });
    const { url } = await serveInSpan(app as never, server);
    await get(url, { headers: { traceparent } });
    await log.line(({ status }) => status === 500);
    onceEach(log.texts);
    for (const line of log.lines) expect(line).toMatchObject({ tenant: 't1', span_id: server.spanId });
  });
});

it.each([
  [
    'a context manager that throws',
    {
      context: {
        active: () => {
          throw new Error('no');
        },
      },
    },
  ],
  [
    'a span without valid ids',
    {
      context: {
        active: () => ({
          getValue: () => ({ spanContext: () => ({ traceId: '0'.repeat(32), spanId: '"' }) }),
        }),
      },
    },
  ],
  ['metrics only', { metrics: {} }],
])('logs without ids beside %s', async (_name, api) => {
  registry[apiKey] = api;
  const log = textLog();
  const app = express5();
  app.use(requestLogger({ logger: createLogger({ level: 'info', destination: log.destination }) }));
  app.get('/', (req, res) => {
    req.log.info('in the handler');
    res.send('ok');
  });
  await get((await serve(app)).url);
  await log.line(({ status }) => status === 200);
  expect(log.texts.join('')).not.toMatch(/trace_id|span_id/);
});
