import type { ErrorRequestHandler, NextFunction, Request, Response } from 'express';
import { productionize, wrapAsync } from '../../../src/index.js';
import { deferred } from '../../helpers/deferred.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { memoryLog, quiet } from '../../helpers/memory-log.js';
import { killAll, run } from '../../helpers/program.js';
import { closeAll, get, serve } from '../../helpers/serve.js';

afterEach(async () => {
  killAll();
  await closeAll();
});

const answerMessage: ErrorRequestHandler = (err, _req, res, _next) => {
  res.status(500).send(`handled: ${err.message}`);
};

describe.each(expressVersions)('async errors on %s', (_name, express) => {
  it('runs the error handler once for a handler, error handler, param callback and sub-app that reject', async () => {
    let handled = 0;
    const app = productionize(express(), quiet());
    app.get('/handler', async () => {
      throw new Error('handler');
    });
    app.param('id', async () => {
      throw new Error('param');
    });
    app.get('/param/:id', (_req, res) => void res.send('not reached'));
    const sub = express();
    sub.get('/', async () => {
      throw new Error('sub-app');
    });
    app.use('/sub', sub);
    const router = express.Router();
    router.get('/', async () => {
      throw new Error('first');
    });
    router.use((async (err, _req, _res, _next) => {
      throw new Error(`second after ${err.message}`);
    }) as ErrorRequestHandler);
    app.use('/router', router);
    app.use(((err, _req, res, _next) => {
      handled += 1;
      res.status(500).send(err.message);
    }) as ErrorRequestHandler);
    const { url } = await serve(app);
    for (const [path, message] of [
      ['/handler', 'handler'],
      ['/param/7', 'param'],
      ['/sub', 'sub-app'],
      ['/router', 'second after first'],
    ]) {
      expect(await get(url + path)).toMatchObject({ status: 500, text: message });
    }
    expect(handled).toBe(4);
  });

  it.each([undefined, null, 0, false, ''])(
    'responds with 500 and runs no further handler when a handler rejects with %p',
    async (reason) => {
      let passed = false;
      const app = productionize(express(), quiet());
      app.get('/', () => Promise.reject(reason));
      app.get('/', (_req, res) => {
        passed = true;
        res.send('secret');
      });
      const { url } = await serve(app);
      expect((await get(url)).status).toBe(500);
      expect(passed).toBe(false);
    },
  );

  it.each([undefined, null, 0, false])('responds with 500 when a handler throws %p', async (thrown) => {
    let passed = false;
    const app = productionize(express(), quiet());
    app.get('/', () => {
      throw thrown;
    });
    app.get('/', (_req, res) => {
      passed = true;
      res.send('secret');
    });
    const { url } = await serve(app);
    expect((await get(url)).status).toBe(500);
    expect(passed).toBe(false);
  });

  it.each(['route', 'router'])('treats a rejection with the string %p as an error', async (word) => {
    const app = productionize(express(), quiet());
    app.get('/rejects', async () => {
      throw word;
    });
    app.get('/throws', () => {
      throw word;
    });
    app.get('/next', (_req, _res, next) => next('route'));
    app.get('/next', (_req, res) => void res.send('skipped to here'));
    app.use((_req: Request, res: Response) => void res.send('reached'));
    const { url } = await serve(app);
    expect((await get(`${url}/rejects`)).status).toBe(500);
    expect((await get(`${url}/throws`)).status).toBe(500);
    expect((await get(`${url}/next`)).text).toBe('skipped to here');
  });

  it('handles the rejection of a thenable without catch', async () => {
    const app = productionize(express(), quiet());
    app.get('/', () => ({
      // biome-ignore lint/suspicious/noThenProperty: a bare thenable is the subject
      then: (_resolve: unknown, reject: (error: Error) => void) => reject(new Error('thenable')),
    }));
    app.use(answerMessage);
    const { url } = await serve(app);
    expect((await get(url)).text).toBe('handled: thenable');
  });

  it('resets the connection when a handler rejects in the middle of a body', async () => {
    const app = productionize(express(), quiet());
    app.get('/', async (_req, res) => {
      res.write('half of ');
      throw new Error('midway');
    });
    const { url } = await serve(app);
    const answer = await get(url).catch((error) => ({ cut: true, error }));
    expect(answer.cut).toBe(true);
  });

  it('logs a rejection after next() and sends no second response', async () => {
    const gate = deferred();
    const log = memoryLog();
    const app = productionize(express(), log.options);
    app.use(async (_req: Request, _res: Response, next: NextFunction) => {
      next();
      await gate.promise;
      throw new Error('too late');
    });
    app.get('/', (_req, res) => void res.send('fine'));
    const { url } = await serve(app);
    expect((await get(url)).text).toBe('fine');
    gate.resolve();
    const line = await log.line((entry) => entry.err?.message === 'too late');
    expect(line).toMatchObject({ level: 50, msg: 'GET /: an error after the response' });
  });

  it('responds with 400 to bad percent-encoding in a parameter', async () => {
    const app = productionize(express(), quiet());
    app.get('/files/:name', (req, res) => void res.send(req.params.name));
    const { url } = await serve(app);
    expect((await get(`${url}/files/%E0%A4%A`)).status).toBe(400);
    expect((await get(`${url}/%`)).status).toBe(404);
  });

  it('works beside the tracing channels of Express', async () => {
    const { tracingChannel } = await import('node:diagnostics_channel');
    const seen: string[] = [];
    const subscriber = { start: () => void seen.push('start') };
    const channel = tracingChannel('express.router.request');
    channel.subscribe(subscriber as never);
    const app = productionize(express(), quiet());
    app.get('/', async () => {
      throw undefined;
    });
    app.use(answerMessage);
    const { url } = await serve(app);
    const { status } = await get(url);
    channel.unsubscribe(subscriber as never);
    expect(status).toBe(500);
    expect(seen.length > 0).toBe(_name === 'Express 5');
  });
});

describe.each(expressVersions)('wrapAsync alone on %s', (_name, express) => {
  it('preserves name, length and own properties', () => {
    const two = Object.assign(async function list(_req: Request, _res: Response) {}, { docs: 'GET /list' });
    const three = async (_req: Request, _res: Response, _next: NextFunction) => {};
    const four = async (_err: unknown, _req: Request, _res: Response, _next: NextFunction) => {};
    const wrapped = wrapAsync(two);
    expect([wrapped.name, wrapped.length, (wrapped as typeof two).docs]).toEqual(['list', 2, 'GET /list']);
    expect([wrapAsync(three).length, wrapAsync(four).length]).toEqual([3, 4]);
  });

  it('passes on rejections of handlers, error handlers and param callbacks', async () => {
    const app = express();
    app.param(
      'id',
      wrapAsync(async (_req: Request, _res: Response, _next: NextFunction, id: string) => {
        throw new Error(`param ${id}`);
      }),
    );
    app.get('/param/:id', (_req, res) => void res.send('not reached'));
    app.get(
      '/two',
      wrapAsync(async () => {
        throw undefined;
      }),
    );
    app.use(
      wrapAsync(async (err: Error, _req: Request, _res: Response, _next: NextFunction) => {
        throw new Error(`again ${err.message}`);
      }),
    );
    app.use(answerMessage);
    const { url } = await serve(app);
    expect((await get(`${url}/param/7`)).text).toBe('handled: again param 7');
    expect((await get(`${url}/two`)).text).toMatch(/again Rejected promise/);
  });

  it('states what was expected when the argument is not a function', () => {
    expect(() => wrapAsync(Promise.resolve() as never)).toThrow(/expected a handler function, got a Promise/);
  });
});

describe.each(['express4', 'express'])('async errors of %s in a separate process', (expressName) => {
  it('produces no unhandled rejection', async () => {
    const program = run('async-errors.mjs', { args: [expressName] });
    const url = `http://127.0.0.1:${await program.port()}`;
    for (const path of ['/handler', '/param/7', '/sub', '/error-handler', '/thenable', '/after-next']) {
      const { status } = await get(url + path);
      expect([path, status]).toEqual([path, path === '/after-next' ? 200 : 500]);
    }
    await program.line(/"level":50.*"rejected".*GET \/after-next/);
    // it would be gone by now: an unhandled rejection ends a process
    expect((await get(`${url}/alive`)).text).toBe('alive');
    expect(program.err.filter((line) => /unhandled/i.test(line))).toEqual([]);
  });

  it('warns once of a handler that resolves without a response, by method, pattern and name', async () => {
    const program = run('async-errors.mjs', { args: [expressName] });
    const url = `http://127.0.0.1:${await program.port()}`;
    const client = new AbortController();
    const { signal } = client;
    const open = ['/silent/1', '/silent/2', '/late'].map((path) => get(url + path, { signal }));
    expect((await open[2])?.text).toBe('late');
    expect(await program.line(/NO_RESPONSE/)).toContain('GET /silent/:id getUser');
    await get(`${url}/alive`);
    client.abort();
    await Promise.allSettled(open);
    expect(program.err.filter((line) => line.includes('NO_RESPONSE'))).toHaveLength(1);
  });
});
