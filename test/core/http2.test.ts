import { once } from 'node:events';
import fs from 'node:fs';
import http2 from 'node:http2';
import type { RequestHandler } from 'express';
import { responseCache, staticFiles } from '../../src/index.js';
import { resetResponse } from '../../src/support/response-reset.js';
import { minute } from '../helpers/cached.js';
import { noise } from '../helpers/encoding.js';
import { answerOf, closeHttp2, serveHttp2 } from '../helpers/http2.js';
import { makeSite, openBelow, removeSites, until } from '../helpers/site.js';

afterEach(async () => {
  jest.restoreAllMocks();
  await closeHttp2();
  removeSites();
});

// one of its functions is missing in its types
type Trailing = http2.Http2ServerResponse & { setTrailer(name: string, value: string): void };

const megabytes = 1024 * 1024;
const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = http2.constants;

describe('a response that cannot be completed', () => {
  it('ends its stream by an error, and keeps the other streams of the connection open', async () => {
    let finish = (): void => {};
    const { ask } = await serveHttp2((req, res) => {
      res.write('part');
      if (req.url === '/other') finish = () => res.end(' and the rest');
      else setImmediate(resetResponse, res);
    });
    const other = ask('/other');
    expect(await ask('/cut')).toMatchObject({ code: NGHTTP2_INTERNAL_ERROR, text: 'part' });
    finish();
    expect(await other).toMatchObject({ code: NGHTTP2_NO_ERROR, text: 'part and the rest' });
  });
});

describe('staticFiles', () => {
  it('sends the whole, a part, the head, 304 and a redirect', async () => {
    const site = makeSite({ 'a.js': '0123456789', 'sub/index.html': 'page' });
    const { ask } = await serveHttp2(staticFiles(site.root) as unknown as RequestHandler);
    const { headers } = await ask('/a.js');
    expect(await ask('/a.js')).toMatchObject({ status: 200, text: '0123456789', code: 0 });
    expect(await ask('/a.js', { range: 'bytes=2-3' })).toMatchObject({ status: 206, text: '23', code: 0 });
    expect(await ask('/a.js', { range: 'bytes=99-' })).toMatchObject({ status: 416, text: '', code: 0 });
    expect(await ask('/a.js', { 'if-none-match': headers.etag })).toMatchObject({ status: 304, code: 0 });
    expect(await ask('/a.js', { ':method': 'HEAD' })).toMatchObject({ status: 200, text: '', code: 0 });
    expect((await ask('/sub?x=1')).headers.location).toBe('/sub/?x=1');
    expect((await ask('/none')).text).toBe('next');
  });

  it('a download that is abandoned, before its file is open or later, leaves no open descriptor', async () => {
    const site = makeSite();
    fs.writeFileSync(site.at('large.zip'), noise(4 * megabytes));
    const streams: http2.ServerHttp2Stream[] = [];
    const files = staticFiles(site.root) as unknown as RequestHandler;
    const { client } = await serveHttp2((req, res, next) => {
      streams.push((res as unknown as http2.Http2ServerResponse).stream);
      files(req, res, next);
    });
    const late = client.request({ ':path': '/large.zip' });
    await once(late, 'data');
    late.close(NGHTTP2_CANCEL);
    await until(() => openBelow(site.root) === 0);

    const open = fs.promises.open;
    let opened = 0;
    jest.spyOn(fs.promises, 'open').mockImplementation(async (...args) => {
      const handle = await open.apply(fs.promises, args);
      early.close(NGHTTP2_CANCEL);
      if (streams[1]?.destroyed === false) await once(streams[1], 'close');
      opened += 1;
      return handle;
    });
    const early = client.request({ ':path': '/large.zip' });
    await answerOf(early);
    await until(() => opened > 0 && openBelow(site.root) === 0);
  });

  it('a file that is cut while it is sent ends the stream by an error', async () => {
    const site = makeSite();
    fs.writeFileSync(site.at('large.zip'), noise(4 * megabytes));
    const { client } = await serveHttp2(staticFiles(site.root) as unknown as RequestHandler);
    const stream = client.request({ ':path': '/large.zip' });
    await once(stream, 'response');
    fs.truncateSync(site.at('large.zip'), 1000);
    expect(await answerOf(stream)).toMatchObject({ code: NGHTTP2_INTERNAL_ERROR });
    await until(() => openBelow(site.root) === 0);
  });
});

describe('responseCache', () => {
  /** Serves a handler behind a cache, and counts its calls. */
  async function cached(handler: (...args: Parameters<RequestHandler>) => void) {
    const cache = responseCache();
    const counter = { calls: 0 };
    const served = await serveHttp2((req, res, next) => {
      cache(req, res, () => {
        counter.calls += 1;
        res.setHeader('cache-control', minute);
        handler(req, res, next);
      });
    });
    return { ...served, counter };
  }

  it('a GET with a body is neither served from the store nor stored', async () => {
    const { ask } = await cached((req, res) => {
      let body = '';
      req.on('data', (chunk) => {
        body += chunk;
      });
      req.on('end', () => res.end(`you said "${body}"`));
    });
    const answer = await ask('/', { ':method': 'GET' }, 'poison');
    expect([answer.text, answer.headers['cache-status']]).toEqual([
      'you said "poison"',
      expect.stringContaining('detail=request-body'),
    ]);
    expect((await ask('/')).text).toBe('you said ""');
  });

  it('a request that names two hosts is not cached', async () => {
    const { ask } = await cached((req, res) => {
      res.end(`this is ${(req as unknown as http2.Http2ServerRequest).authority}`);
    });
    await ask('/', { ':authority': 'evil.test', host: 'shop.test' });
    await ask('/', { ':authority': 'shop.test', host: 'evil.test' });
    for (const host of ['shop.test', 'evil.test']) {
      expect((await ask('/', { ':authority': host })).text).toBe(`this is ${host}`);
    }
    const same = await ask('/', { ':authority': 'shop.test', host: 'Shop.test' });
    expect(same.headers['cache-status']).toMatch(/hit/);
  });

  it.each([
    ['setTrailer', (res: Trailing) => res.setTrailer('x-sum', '1')],
    ['addTrailers', (res: Trailing) => res.addTrailers({ 'x-sum': '1' })],
  ])('what has trailers by %s is not stored', async (_name, add) => {
    const { ask, counter } = await cached((_req, res) => {
      res.write('part');
      add(res as unknown as Trailing);
      res.end('rest');
    });
    for (let i = 0; i < 2; i++) expect((await ask('/')).trailers).toMatchObject({ 'x-sum': '1' });
    expect(counter.calls).toBe(2);
  });

  it('a client that disconnected while it waited does not become the leader', async () => {
    const answers: (() => void)[] = [];
    const left = new Set<unknown>();
    let arrived = 0;
    const cache = responseCache();
    const served = await serveHttp2((req, res) => {
      arrived += 1;
      res.on('close', () => left.add(req.headers['x-name']));
      cache(req, res, () => {
        res.setHeader('cache-control', minute);
        answers.push(() => res.end(`to ${req.headers['x-name']}`));
      });
    });
    const lead = served.client.request({ ':path': '/', 'x-name': 'lead' });
    lead.on('error', () => {});
    const gone = served.client.request({ ':path': '/', 'x-name': 'gone' });
    gone.on('error', () => {});
    const last = served.ask('/', { 'x-name': 'last' });
    await until(() => arrived === 3);
    for (const [name, stream] of Object.entries({ gone, lead })) {
      stream.close(NGHTTP2_CANCEL);
      await until(() => left.has(name));
    }
    await until(() => answers.length > 1);
    for (const answer of answers) answer();
    expect((await last).text).toBe('to last');
    expect(answers).toHaveLength(2);
  });
});
