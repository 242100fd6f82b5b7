import { readFileSync } from 'node:fs';
import { conditionReport, productionize, restore } from '../src/index.js';
import { expressVersions } from './helpers/express-versions.js';
import { quiet } from './helpers/memory-log.js';
import { closeAll, get, serve } from './helpers/serve.js';

afterEach(closeAll);

const gzip = { headers: { 'accept-encoding': 'gzip' } };

describe.each(expressVersions)('restore on %s', (_name, express) => {
  function addRoutes(app: ReturnType<typeof express>) {
    app.get('/big', (_req, res) => void res.send('production '.repeat(1000)));
    return app;
  }

  it('C112 restores everything: app, prototypes, listeners and builtins', async () => {
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
    restore(app);
    expect(traces()).toEqual(before);
    expect({ ...app }).toMatchObject({ handle, listen });
    expect(Object.getOwnPropertyNames(layer()).map((name) => layer()[name])).toEqual(methods);
    expect(Object.getOwnPropertySymbols(layer())).toEqual([]);
    expect(conditionReport(app)).toBeUndefined();
    expect((await get(`${url}/big`, gzip)).headers).not.toHaveProperty('content-encoding');
  });
});
