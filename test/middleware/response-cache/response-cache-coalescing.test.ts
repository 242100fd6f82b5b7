import { once } from 'node:events';
import http from 'node:http';
import { Readable } from 'node:stream';
import type { Request, Response } from 'express';
import {
  CoalescedRequests,
  type Outcome,
} from '../../../src/middleware/response-cache/coalesced-requests.js';
import { cachedApps, cacheStatus, clock, counted, minute } from '../../helpers/cached.js';
import { fakeTimeouts } from '../../helpers/fake-timers.js';
import { type Answer, closeAll, get, serve } from '../../helpers/serve.js';

afterEach(closeAll);

/** A handler whose calls the test answers, in the order it likes. */
function held() {
  const waiting: { req: Request; res: Response }[] = [];
  const arrivals: ((call: { req: Request; res: Response }) => void)[] = [];
  const handler = counted((req, res) => {
    const arrival = arrivals.shift();
    if (arrival) arrival({ req, res });
    else waiting.push({ req, res });
  });
  return {
    handler,
    /** The next call. */
    next: () =>
      new Promise<{ req: Request; res: Response }>((resolve) => {
        const call = waiting.shift();
        if (call) resolve(call);
        else arrivals.push(resolve);
      }),
  };
}

/** Waits until so many requests are on their way through a server. */
async function arrived(server: http.Server, count: number): Promise<void> {
  let seen = 0;
  await new Promise<void>((resolve) => {
    server.on('request', () => {
      seen += 1;
      if (seen === count) resolve();
    });
  });
  // those behind an async look into a store
  await new Promise(setImmediate);
}

function cut(res: Response): void {
  res.write('begun');
  res.destroy();
}

const many = (url: string, count: number) => Array.from({ length: count }, () => get(url));

/** So many requests that are all on their way, a hundred at a time: more could be too many for a listener's queue. */
async function crowd(url: string, server: http.Server, hundreds: number): Promise<Promise<Answer>[]> {
  const answers: Promise<Answer>[] = [];
  for (let n = 0; n < hundreds; n++) {
    const all = arrived(server, 100);
    answers.push(...many(url, 100));
    await all;
  }
  return answers;
}

describe.each(cachedApps)('coalesced requests on %s', (_name, make) => {
  async function serveHeld(options?: Parameters<typeof make>[0]) {
    const { app } = make(options);
    const calls = held();
    app.use(calls.handler);
    const served = await serve(app);
    return { ...served, ...calls };
  }

  it('1,000 concurrent requests for a cold key: one call of the handler', async () => {
    const { url, server, handler, next } = await serveHeld({ waitMs: 60_000 });
    const answers = await crowd(url, server, 10);
    const { res } = await next();
    res.set('Cache-Control', minute).send('one for all');
    const sent = await Promise.all(answers);
    expect(new Set(sent.map(({ status, text }) => `${status} ${text}`))).toEqual(
      new Set(['200 one for all']),
    );
    expect(handler.calls).toBe(1);
    expect(new Set(sent.map(cacheStatus))).toEqual(
      new Set(['fwd=uri-miss; stored', 'fwd=uri-miss; collapsed']),
    );
  });

  it.each([
    ['answers 500', (res: Response) => res.status(500).end()],
    ['is cut midway', cut],
    ['breaks its promise of a length', (res: Response) => res.set('Content-Length', '9').end('short')],
  ])('a leader that %s causes one retry, and no other request fails', async (_what, fail) => {
    const { url, server, handler, next } = await serveHeld();
    const all = arrived(server, 100);
    const answers = many(url, 100).map((answer) => answer.catch(() => undefined));
    const first = await next();
    await all;
    first.res.set('Cache-Control', minute);
    fail(first.res);
    const second = await next();
    expect(handler.calls).toBe(2);
    second.res.set('Cache-Control', minute).send('second');
    const texts = (await Promise.all(answers)).map((answer) => answer?.text);
    expect(texts.filter((text) => text === 'second')).toHaveLength(99);
    expect(handler.calls).toBe(2);
  });

  it('600 requests whose handler fails immediately, one after the other, get their own responses', async () => {
    const { app } = make({ waitMs: 60_000 });
    const first = new Promise<Response>((resolve) => {
      app.use(
        counted((_req, res, call) => {
          if (call === 1) resolve(res);
          else res.status(503).send(`call ${call}`);
        }),
      );
    });
    const { url, server } = await serve(app);
    const answers = await crowd(url, server, 6);
    const res = await first;
    res.status(503).send('call 1');
    const sent = await Promise.all(answers);
    expect(new Set(sent.map(({ status }) => status))).toEqual(new Set([503]));
    expect(new Set(sent.map(({ text }) => text)).size).toBe(600);
  });

  it('a leader whose client disconnects is followed by another one, and its response is stored if it is first', async () => {
    const { url, server, handler, next } = await serveHeld();
    const all = arrived(server, 100);
    const leader = http.get(url, { agent: false });
    const left = once(leader, 'error');
    const first = await next();
    const answers = many(url, 99);
    await all;
    leader.destroy();
    await left;
    const second = await next();
    expect(handler.calls).toBe(2);
    first.res.set('Cache-Control', minute).send('first');
    second.res.send('second');
    const texts = (await Promise.all(answers)).map(({ text }) => text);
    expect(texts.filter((text) => text === 'first')).toHaveLength(98);
    expect(handler.calls).toBe(2);
  });

  it('a leader that never responds is followed by another one within the limit', async () => {
    const timeouts = fakeTimeouts();
    const { url, server, handler, next } = await serveHeld({ waitMs: 200 });
    const answers = await crowd(url, server, 1);
    const first = await next();
    timeouts.pass(99);
    expect(handler.calls).toBe(1);
    timeouts.pass(1);
    timeouts.stop();
    const second = await next();
    second.res.set('Cache-Control', minute).send('second');
    let answered = 0;
    await new Promise<void>((resolve) => {
      for (const answer of answers) {
        void answer.then(() => {
          answered += 1;
          if (answered === 99) resolve();
        });
      }
    });
    expect(handler.calls).toBe(2);
    first.res.send('late');
    await Promise.all(answers);
  });

  it('no request waits longer than the limit', async () => {
    const { url, server, handler, next } = await serveHeld({ waitMs: 60 });
    const all = arrived(server, 20);
    const answers = many(url, 20);
    const calls = await Promise.all(Array.from({ length: 20 }, next));
    await all;
    expect(handler.calls).toBe(20);
    for (const { res } of calls) res.set('Cache-Control', minute).send('each its own');
    expect(new Set((await Promise.all(answers)).map(({ status }) => status))).toEqual(new Set([200]));
  });

  it('a response that must not be shared releases all requests immediately, and none waits the next time', async () => {
    const { url, server, handler, next } = await serveHeld();
    const all = arrived(server, 50);
    const answers = many(url, 50);
    const first = await next();
    await all;
    first.res.set('Cache-Control', 'private').send('mine');
    for (let i = 1; i < 50; i++) (await next()).res.set('Cache-Control', 'private').send('mine');
    await Promise.all(answers);
    const [one, two] = [get(url), get(url)];
    const both = [await next(), await next()];
    for (const { res } of both) res.set('Cache-Control', 'private').send('mine');
    await Promise.all([one, two]);
    expect(handler.calls).toBe(52);
  });

  it('waiting requests whose responses vary receive their own, with one call for each variant', async () => {
    const { url, server, handler, next } = await serveHeld();
    const all = arrived(server, 40);
    const answers = Array.from({ length: 40 }, (_, i) =>
      get(url, { headers: { 'accept-language': i % 2 ? 'de' : 'en' } }),
    );
    const answer = ({ req, res }: { req: Request; res: Response }) =>
      res
        .set({ 'Cache-Control': minute, Vary: 'Accept-Language' })
        .send(String(req.headers['accept-language']));
    const first = await next();
    await all;
    answer(first);
    answer(await next());
    const texts = (await Promise.all(answers)).map(({ text }) => text);
    expect(texts).toEqual(Array.from({ length: 40 }, (_, i) => (i % 2 ? 'de' : 'en')));
    expect(handler.calls).toBe(2);
  });

  it('requests with credentials do not wait for responses that are not public', async () => {
    const { url, server, handler, next } = await serveHeld();
    const all = arrived(server, 3);
    const anonymous = get(url);
    const first = await next();
    const users = [1, 2].map((sid) => get(url, { headers: { cookie: `sid=${sid}` } }));
    await all;
    first.res.set('Cache-Control', 'max-age=60').send('anonymous');
    for (let i = 0; i < 2; i++) {
      const { req, res } = await next();
      res.set('Cache-Control', 'max-age=60').send(String(req.headers.cookie));
    }
    expect((await Promise.all([anonymous, ...users])).map(({ text }) => text)).toEqual([
      'anonymous',
      'sid=1',
      'sid=2',
    ]);
    expect(handler.calls).toBe(3);
  });

  describe('a stale response', () => {
    let time: ReturnType<typeof clock>;
    beforeEach(() => {
      time = clock();
    });
    afterEach(() => time.stop());

    const stale = 'public, max-age=10, stale-while-revalidate=60, stale-if-error=600';

    it('serves a stale response immediately and refreshes it once, in the background', async () => {
      const { url, handler, next } = await serveHeld();
      const cold = get(url);
      (await next()).res.set('Cache-Control', stale).send('first');
      await cold;
      time.pass(20);
      const served = await Promise.all(many(url, 20));
      expect(new Set(served.map(({ text }) => text))).toEqual(new Set(['first']));
      expect(cacheStatus(served[0] as never)).toBe('hit; ttl=-10');
      const refresh = await next();
      expect(handler.calls).toBe(2);
      expect((await get(url)).text).toBe('first');
      const closed = once(refresh.res, 'close');
      refresh.res.set('Cache-Control', stale).send('second');
      await closed;
      const after = await get(url);
      expect([after.text, after.headers.age, handler.calls]).toEqual(['second', '0', 2]);
    });

    it.each([
      ['answers 500', (res: Response) => res.status(500).send('x')],
      ['is cut', (res: Response) => res.destroy()],
      ['is cut midway', cut],
      ['ends in an error', (res: Response) => res.destroy(new Error('midway'))],
    ])('serves the stored response when the refresh %s, and tries again', async (_what, fail) => {
      const { url, handler, next } = await serveHeld();
      const cold = get(url);
      (await next()).res.set('Cache-Control', stale).send('first');
      await cold;
      time.pass(20);
      for (let i = 0; i < 2; i++) {
        expect((await get(url)).text).toBe('first');
        const { res } = await next();
        const closed = new Promise((resolve) => res.once('close', resolve));
        fail(res);
        await closed;
        await new Promise(setImmediate);
      }
      expect(handler.calls).toBe(3);
    });

    it('removes a response that may no longer be shared', async () => {
      const { url, next } = await serveHeld();
      const cold = get(url);
      (await next()).res.set('Cache-Control', stale).send('first');
      await cold;
      time.pass(20);
      expect((await get(url)).text).toBe('first');
      const { res } = await next();
      const closed = once(res, 'close');
      res.set('Cache-Control', 'private').send('mine');
      await closed;
      const own = get(url);
      (await next()).res.set('Cache-Control', 'private').send('mine');
      expect((await own).text).toBe('mine');
    });

    it('refreshes with the headers of the request, without its conditions, and without a client', async () => {
      const { url, next } = await serveHeld();
      const cold = get(`${url}/a?b=1`, { headers: { 'accept-language': 'de' } });
      (await next()).res.set({ 'Cache-Control': stale, ETag: '"1"', Vary: 'accept-language' }).send('first');
      await cold;
      time.pass(20);
      const headers = {
        'accept-language': 'de',
        'if-none-match': '"1"',
        cookie: 'a=1',
        'cache-control': 'no-cache, no-store',
      };
      const answer = await get(`${url}/a?b=1`, { headers });
      expect([answer.status, answer.text]).toEqual([200, 'first']);
      const { req, res } = await next();
      expect([req.method, req.originalUrl, req.ip]).toEqual(['GET', '/a?b=1', '127.0.0.1']);
      expect(req.headers).toMatchObject({ 'accept-language': 'de', cookie: 'a=1', host: new URL(url).host });
      for (const name of ['if-none-match', 'cache-control', 'connection']) {
        expect(req.headers).not.toHaveProperty(name);
      }
      const finished = once(res, 'close');
      res.set({ 'Cache-Control': stale, Vary: 'accept-language' });
      // more than a connection would take at once, from a source that waits for it
      Readable.from(Array.from({ length: 20 }, () => Buffer.alloc(20_000, 'x'))).pipe(res);
      await finished;
      expect(res.writableFinished).toBe(true);
      expect((await get(`${url}/a?b=1`, { headers: { 'accept-language': 'de' } })).text).toHaveLength(
        400_000,
      );
    });

    it('sends the stale response when the handler fails, within stale-if-error', async () => {
      const { url, next } = await serveHeld();
      const cold = get(url);
      (await next()).res.set({ 'Cache-Control': stale, 'X-Kept': '1' }).send('first');
      await cold;
      time.pass(100);
      const failing = [get(url), get(url)];
      (await next()).res
        .status(503)
        .set({ 'Retry-After': '9', 'Cache-Control': 'no-store' })
        .json({ sorry: true });
      (await next()).res.writeHead(500, { 'X-Failed': '1' }).end('failed');
      for (const answer of await Promise.all(failing)) {
        expect([answer.status, answer.text, answer.headers['x-kept']]).toEqual([200, 'first', '1']);
        expect(answer.headers).not.toHaveProperty('retry-after');
        expect(answer.headers).not.toHaveProperty('x-failed');
        expect(cacheStatus(answer)).toMatch(/^fwd=stale; fwd-status=50[03]; detail=stale-if-error$/);
      }
      time.pass(1000);
      const over = get(url);
      (await next()).res.status(503).send('down');
      expect((await over).status).toBe(503);
    });

    it.each(['must-revalidate', 'proxy-revalidate'])('serves no stale response with %s', async (strict) => {
      const { url, next } = await serveHeld();
      const cold = get(url);
      (await next()).res.set('Cache-Control', `${stale}, ${strict}`).send('first');
      await cold;
      time.pass(20);
      const second = get(url);
      (await next()).res.status(500).send('failed');
      expect((await second).text).toBe('failed');
    });
  });
});

describe('waiting requests', () => {
  /** A request that waits, and what became of it. */
  function waiting(take: (outcome: Outcome) => void = () => {}) {
    const outcomes: Outcome[] = [];
    return {
      outcomes,
      isWaiting: () => true,
      resume(outcome: Outcome) {
        outcomes.push(outcome);
        take(outcome);
      },
    };
  }

  it('one that throws does not affect the others, and runs its own handler', () => {
    const coalesced = new CoalescedRequests(1000);
    const leader = coalesced.lead('key');
    const broken = waiting((outcome) => {
      if (outcome !== 'alone') throw new Error('cannot be sent');
    });
    const whole = waiting();
    coalesced.join('key', broken);
    coalesced.join('key', whole);
    const result = { key: 'key', generation: undefined, vary: [], stored: {} as never };
    leader.succeed(result);
    expect([broken.outcomes, whole.outcomes]).toEqual([[{ result }, 'alone'], [{ result }]]);
  });

  it('one that arrives right after a failure waits for the next leader', async () => {
    const coalesced = new CoalescedRequests(1000);
    const leader = coalesced.lead('key');
    const [first, second] = [waiting(), waiting()];
    coalesced.join('key', first);
    leader.fail();
    expect([coalesced.join('key', second), first.outcomes]).toEqual([true, []]);
    await new Promise(setImmediate);
    expect([first.outcomes.length, second.outcomes.length]).toEqual([1, 0]);
    (first.outcomes[0] as { leader: { release(): void } }).leader.release();
    expect(second.outcomes).toEqual(['alone']);
  });
});
