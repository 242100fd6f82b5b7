import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { gracefulShutdown, productionize, report, restoreApp } from '../../../src/index.js';
import { Connection } from '../../helpers/connection.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { closeAll, serve } from '../../helpers/serve.js';

const undo = new Set<() => void>();

afterEach(async () => {
  for (const each of undo) each();
  undo.clear();
  await closeAll();
});

const silent = { info() {}, warn() {}, error() {} };

const closes = (answer: string) => /^connection: close\r$/im.test(answer);

/** Sends requests one after the other, until the server announces that it closes the connection. */
async function exchange(port: number, most: number) {
  const connection = await Connection.open(port);
  const answers: string[] = [];
  while (answers.length < most && !connection.isEnded) {
    await connection.request('/items/1');
    answers.push(await connection.answer());
    if (closes(answers.at(-1) as string)) break;
  }
  return { answers: answers.map(closes), connection, bodies: answers.map((answer) => answer.slice(-10)) };
}

describe.each(expressVersions)('on %s', (_name, express) => {
  function items(delayMs = 0) {
    const app = express();
    const router = express.Router();
    router.get('/:id', (req, res) => void setTimeout(() => res.json({ id: req.params.id }), delayMs));
    app.use('/items', router);
    return app;
  }
  function capped(maxRequestsPerConnection?: number, delayMs?: number) {
    const app = productionize(items(delayMs), {
      requestLogger: false,
      gracefulShutdown: { maxRequestsPerConnection, logger: silent },
    });
    undo.add(() => restoreApp(app));
    return app;
  }
  const facts = (app: ReturnType<typeof items>) =>
    report(app)?.parts.find(({ name }) => name === 'gracefulShutdown')?.facts;

  it.each([
    ['app.listen', (app: ReturnType<typeof items>) => app.listen(0, '127.0.0.1')],
    [
      "the app's own server",
      (app: ReturnType<typeof items>) => http.createServer(app).listen(0, '127.0.0.1'),
    ],
  ])(
    'a connection closes after the limit of requests, announced by the last response (%s)',
    async (_, listen) => {
      const app = capped(3);
      const server = listen(app);
      await once(server, 'listening');
      const { answers, connection, bodies } = await exchange((server.address() as AddressInfo).port, 10);
      expect(answers).toEqual([false, false, true]);
      expect(await connection.ended).toBe('end');
      expect(bodies).toEqual(Array(3).fill('{"id":"1"}'));
      expect(facts(app)).toMatchObject({ maxRequestsPerConnection: 3 });
      server.close();
    },
  );

  it.each([0, 20])('pipelined requests beyond the limit are served (handlers of %d ms)', async (delayMs) => {
    const { port } = await serve(capped(2, delayMs));
    const connection = await Connection.open(port);
    await connection.send('GET /items/1 HTTP/1.1\r\nHost: app.test\r\n\r\n'.repeat(5));
    const answers: string[] = [];
    for (let n = 0; n < 5; n++) answers.push(await connection.answer());
    expect(await connection.ended).toBe('end');
    expect(answers.map((answer) => answer.slice(0, 12))).toEqual(Array(5).fill('HTTP/1.1 200'));
    expect(answers.map(closes)).toEqual([false, false, false, false, true]);
  });

  it('maxRequestsPerSocket of a server applies instead', async () => {
    const { port, server } = await serve(capped(2));
    server.maxRequestsPerSocket = 4;
    expect((await exchange(port, 4)).answers).toEqual([false, false, false, true]);
  });

  it('there is no limit with 0, nor by default outside a cluster', async () => {
    for (const app of [capped(0), capped()]) {
      expect((await exchange((await serve(app)).port, 50)).answers).toEqual(Array(50).fill(false));
      expect(facts(app)).not.toHaveProperty('maxRequestsPerConnection');
    }
  });

  it('gracefulShutdown alone has the limit, too', async () => {
    const { port, server } = await serve(items());
    const { uninstall } = gracefulShutdown(server, { maxRequestsPerConnection: 2, logger: silent });
    undo.add(uninstall);
    const { answers, connection } = await exchange(port, 10);
    expect(answers).toEqual([false, true]);
    expect(await connection.ended).toBe('end');
  });
});

it('throws for a limit that is no whole number', () => {
  expect(() => gracefulShutdown(http.createServer(), { maxRequestsPerConnection: -1 })).toThrow(
    'gracefulShutdown: expected `maxRequestsPerConnection` to be a whole number of requests, 0 or more, got -1.',
  );
});
