import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import compressionPackage from 'compression';
import { compression } from '../../../src/index.js';
import { installStreamResponses } from '../../../src/middleware/stream-errors/stream-responses.js';
import { deferred } from '../../helpers/deferred.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { closeAll, get, serve } from '../../helpers/serve.js';
import { closeOf, endless, failing, guarded, readAndLeave } from '../../helpers/streaming.js';

afterEach(closeAll);

const text = 'one two three';

function webStream(onCancel: (reason: unknown) => void = () => {}) {
  const chunks = text.split(/(?<= )/).map((chunk) => new TextEncoder().encode(chunk));
  return new ReadableStream({
    pull(controller) {
      const chunk = chunks.shift();
      if (chunk) controller.enqueue(chunk);
      else controller.close();
    },
    cancel: onCancel,
  });
}

async function* words() {
  yield 'one ';
  yield '';
  yield Buffer.from('two ');
  yield new Uint8Array(Buffer.from('three'));
}

describe.each(expressVersions)('res.send of streams on %s', (_name, express) => {
  /** Serves one body; the function is called once per request. */
  async function serveBody(body: (res: import('express').Response) => unknown) {
    const { app, errors } = guarded(express, (app) => {
      installStreamResponses(app);
      app.use((_req, res) => void res.send(body(res)));
    });
    return { ...(await serve(app)), errors };
  }

  const octets = 'application/octet-stream';
  it.each<[string, () => unknown, string, number | undefined]>([
    ['a web ReadableStream', () => webStream(), octets, undefined],
    ['a web stream of strings', () => ReadableStream.from(text.split(/(?<= )/)), octets, undefined],
    ['a Response', () => new Response(text), 'text/plain;charset=UTF-8', undefined],
    ['a JSON Response', () => Response.json(1), 'application/json', undefined],
    ['a Blob', () => new Blob([text], { type: 'text/css' }), 'text/css', 13],
    ['a Blob without a type', () => new Blob([text]), octets, 13],
    ['an empty Blob', () => new Blob([]), octets, 0],
    ['a Node Readable', () => Readable.from([Buffer.from(text)], { objectMode: false }), octets, undefined],
    ['a Readable in object mode', () => Readable.from(['one ', 'two ', 'three']), octets, undefined],
    ['an async generator', () => words(), octets, undefined],
    ['an async iterable', () => ({ [Symbol.asyncIterator]: words }), octets, undefined],
    ['a PassThrough', () => new PassThrough().end(text), octets, undefined],
  ])('sends %s: bytes, type and length', async (what, body, type, length) => {
    const { url, errors } = await serveBody(body);
    const expected = what.startsWith('an empty') ? '' : what.startsWith('a JSON') ? '1' : text;
    const got = await get(url);
    expect([got.status, got.text, got.headers['content-type'], got.cut]).toEqual([
      200,
      expected,
      type,
      false,
    ]);
    expect(got.headers['content-length']).toBe(length === undefined ? undefined : String(length));
    const { date: _, 'transfer-encoding': __, ...headers } = got.headers;
    expect(await get(url, { method: 'HEAD' })).toMatchObject({ status: 200, text: '', headers });
    expect(errors).toEqual([]);
  });

  it('preserves a type that was set, and all properties of a Response', async () => {
    const { url } = await serveBody((res) => res.type('text') && webStream());
    expect((await get(url)).headers['content-type']).toBe('text/plain; charset=utf-8');
    const response = await serveBody(() => {
      const headers = new Headers({ 'X-Own': '1', Connection: 'close, x-hop', 'Content-Length': '13' });
      headers.append('Set-Cookie', 'a=1');
      headers.append('Set-Cookie', 'b=2');
      return new Response(text, { status: 203, headers });
    });
    const got = await get(response.url);
    expect([got.status, got.text]).toEqual([203, text]);
    expect(got.headers).toMatchObject({ 'x-own': '1', 'set-cookie': ['a=1', 'b=2'], 'content-length': '13' });
  });

  it('sends the response of fetch() decoded, without the headers of its encoding', async () => {
    const origin = express();
    origin.use(compressionPackage({ threshold: 0 }));
    origin.get('/', (_req, res) => void res.type('text').send(text.repeat(100)));
    const { url: upstream } = await serve(origin);
    const { app } = guarded(express, (app) => {
      installStreamResponses(app);
      app.get('/', async (_req, res) => void res.send(await fetch(upstream)));
    });
    const got = await get((await serve(app)).url);
    expect([got.text, got.headers['content-encoding']]).toEqual([text.repeat(100), undefined]);
  });

  it('sends no body with 204 and 304, nor for a Response without one', async () => {
    for (const status of [204, 304]) {
      const cancelled = deferred();
      const { url } = await serveBody((res) => res.status(status) && webStream(() => cancelled.resolve()));
      const { headers, text } = await get(url);
      expect([text, headers['content-type'], headers['content-length']]).toEqual(['', undefined, undefined]);
      await cancelled.promise;
    }
    const empty = await serveBody(() => new Response(null, { status: 201 }));
    expect(await get(empty.url)).toMatchObject({ status: 201, text: '', cut: false });
  });

  it('does not change the responses that Express sends itself', async () => {
    const { url } = await serveBody(() => ({ a: 1 }));
    expect((await get(url)).text).toBe('{"a":1}');
    const json = await serveBody(() => ({ toJSON: () => 'own', [Symbol.asyncIterator]: words }));
    expect((await get(json.url)).text).toBe('"own"');
    for (const body of ['text', Buffer.from('text')]) {
      const { url } = await serveBody(() => body);
      expect((await get(url)).text).toBe('text');
    }
    const nothing = await serveBody(() => null);
    expect((await get(nothing.url)).text).toBe('');
  });

  it('responds with 500 for a body that was read already, and for Response.error()', async () => {
    const used = new Response(text);
    await used.text();
    const locked = webStream();
    locked.getReader();
    for (const body of [used, Response.error(), locked]) {
      const { url } = await serveBody(() => body);
      expect((await get(url)).status).toBe(500);
    }
  });

  it('responds with 500 for chunks that are no bytes, and resets when they arrive late', async () => {
    const first = await serveBody(() => Readable.from([{ no: 'bytes' }]));
    expect((await get(first.url)).status).toBe(500);
    const late = await serveBody(async function* () {
      yield 'begun';
      await new Promise(setImmediate);
      yield Symbol('x');
    });
    expect(
      await get(late.url).then(
        ({ cut }) => cut,
        () => true,
      ),
    ).toBe(true);
  });

  it('responds with 404 for a missing file and 500 for a source that fails immediately', async () => {
    const missing = await serveBody(() => fs.createReadStream(path.join(tmpdir(), 'no such', 'file')));
    for (const method of ['GET', 'HEAD']) expect((await get(missing.url, { method })).status).toBe(404);
    const broken = await serveBody(
      () => new ReadableStream({ start: (controller) => controller.error(new Error('x')) }),
    );
    expect((await get(broken.url)).status).toBe(500);
  });

  it('cancels a web stream, an iterator and an inner stream when the client disconnects', async () => {
    const cancelled = deferred();
    const web = await serveBody(() => {
      const body = new ReadableStream({
        async pull(controller) {
          await new Promise(setImmediate);
          controller.enqueue(Buffer.alloc(16_384));
        },
        cancel: () => cancelled.resolve(),
      });
      return new Response(body);
    });
    await readAndLeave(web.port, '/');
    await cancelled.promise;

    const returned = deferred();
    const iterable = await serveBody(async function* () {
      try {
        for (;;) {
          yield 'x'.repeat(16_384);
          await new Promise(setImmediate);
        }
      } finally {
        returned.resolve();
      }
    });
    await readAndLeave(iterable.port, '/');
    await returned.promise;

    const source = endless();
    const node = await serveBody(() => source);
    await readAndLeave(node.port, '/');
    await closeOf(source);
  });

  it('reads nothing for HEAD and destroys the source', async () => {
    const cancelled = deferred();
    const pulls: unknown[] = [];
    const web = await serveBody(
      () =>
        new ReadableStream(
          { pull: () => void pulls.push(1), cancel: () => cancelled.resolve() },
          { highWaterMark: 0 },
        ),
    );
    expect((await get(web.url, { method: 'HEAD' })).status).toBe(200);
    await cancelled.promise;
    expect(pulls).toEqual([]);

    const objects = new Readable({ objectMode: true, read: () => pulls.push(2) });
    const inner = await serveBody(() => objects);
    expect((await get(inner.url, { method: 'HEAD' })).status).toBe(200);
    await closeOf(objects);
    expect(pulls).toEqual([]);
  });

  it('sends streams through compression, and resets when they fail', async () => {
    for (const middleware of [compressionPackage({ threshold: 0 }), compression({ threshold: 0 })]) {
      const { app } = guarded(express, (app) => {
        installStreamResponses(app);
        app.use(middleware);
        app.get('/good', (_req, res) => void res.type('text').send(webStream()));
        app.get('/bad', (_req, res) => {
          res.type('text').write('begun');
          (res as typeof res & { flush?(): void }).flush?.();
          res.send(failing(2));
        });
      });
      const { url } = await serve(app);
      const encoding = { headers: { 'accept-encoding': 'gzip' } };
      const { headers, body } = await get(`${url}/good`, encoding);
      expect(headers['content-encoding']).toBe('gzip');
      expect(require('node:zlib').gunzipSync(body).toString()).toBe(text);
      expect(
        await get(`${url}/bad`, encoding).then(
          ({ cut }) => cut,
          () => true,
        ),
      ).toBe(true);
    }
  });

  it('is installed once per app, and is removed without a trace', () => {
    const app = express();
    const response = app.response as object as Record<string, unknown>;
    const before = Object.getOwnPropertySymbols(response);
    const original = response.send;
    const undo = installStreamResponses(app);
    const installed = response.send;
    installStreamResponses(app)();
    expect(response.send).toBe(installed);
    expect(express().response).not.toHaveProperty('send', installed);
    undo();
    expect([response.send, Object.hasOwn(response, 'send')]).toEqual([original, false]);
    expect(Object.getOwnPropertySymbols(response)).toEqual(before);
  });
});
