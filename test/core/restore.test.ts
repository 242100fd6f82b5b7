import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import type { Application, Express } from 'express';
import { productionize, report, restoreApp } from '../../src/index.js';
import { expressVersions } from '../helpers/express-versions.js';
import { quiet } from '../helpers/memory-log.js';
import { closeAll, get, serve } from '../helpers/serve.js';

afterEach(closeAll);

const gzip = { headers: { 'accept-encoding': 'gzip' } };

describe.each(expressVersions)('restoreApp on %s', (_name, express) => {
  function addRoutes(app: ReturnType<typeof express>) {
    app.get('/big', (_req, res) => void res.send('production '.repeat(1000)));
    return app;
  }

  it('restores everything: app, prototypes, listeners and builtins', async () => {
    const traces = () => ({
      readFileSync,
      exceptions: process.listenerCount('uncaughtException'),
      rejections: process.listenerCount('unhandledRejection'),
    });
    const before = traces();
    const app = express();
    const { handle, listen } = app as unknown as { handle: unknown; listen: unknown };
    const plain = addRoutes(express());
    const layer = () =>
      Object.getPrototypeOf(
        ((plain as never as { _router: { stack: object[] } })._router ?? plain.router).stack.at(-1),
      );
    await serve(plain);
    const methods = Object.getOwnPropertyNames(layer()).map((name) => layer()[name]);
    productionize(app, { ...quiet(), fatalErrors: true, detectSyncIo: true, loadShedding: true });
    addRoutes(app);
    const { url } = await serve(app);
    await get(`${url}/big`);
    restoreApp(app);
    expect(traces()).toEqual(before);
    expect({ ...app }).toMatchObject({ handle, listen });
    expect(Object.getOwnPropertyNames(layer()).map((name) => layer()[name])).toEqual(methods);
    expect(Object.getOwnPropertySymbols(layer())).toEqual([]);
    expect(report(app)).toBeUndefined();
    expect((await get(`${url}/big`, gzip)).headers).not.toHaveProperty('content-encoding');
  });

  it('restores the prototypes of an app that listens with the faster server', async () => {
    const own = (app: Application) =>
      [(app as Express).request, (app as Express).response].flatMap((prototype) =>
        Reflect.ownKeys(prototype as object),
      );
    const signals = () =>
      ['SIGTERM', 'SIGINT', 'message', 'disconnect'].map((name) => process.listenerCount(name));
    const before = signals();
    const app = addRoutes(express());
    productionize(app, { ...quiet(), gracefulShutdown: true, healthChecks: true, deadline: true });
    const server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/big`;
    expect((await get(url, gzip)).headers).toHaveProperty('content-encoding');
    restoreApp(app);
    expect((await get(url, gzip)).headers).not.toHaveProperty('content-encoding');
    server.close();
    await once(server, 'close');
    expect(own(app)).toEqual(own(addRoutes(express())));
    for (const [mine, fresh] of [
      [app.request, express().request],
      [app.response, express().response],
    ]) {
      expect(Object.getPrototypeOf(mine)).toBe(Object.getPrototypeOf(fresh));
    }
    expect(Object.getOwnPropertySymbols(app)).toEqual(Object.getOwnPropertySymbols(express()));
    expect(signals()).toEqual(before);
  });
});
