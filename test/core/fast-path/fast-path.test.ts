import { once } from 'node:events';
import { type Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Application, Express } from 'express';
import { createServer, productionize, report, restoreApp } from '../../../src/index.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { quiet } from '../../helpers/memory-log.js';
import { closeAll, get, serve } from '../../helpers/serve.js';

const servers = new Set<Server>();

afterEach(async () => {
  for (const server of servers) server.close();
  servers.clear();
  await closeAll();
});

async function listen(app: Application): Promise<{ server: Server; url: string }> {
  const server = app.listen(0, '127.0.0.1');
  servers.add(server);
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe.each(expressVersions)('fastPath on %s', (_name, express) => {
  const partOf = (app: Application) => report(app)?.parts.find(({ name }) => name === 'fastPath');
  /** What the fast path replaces, as it stands on an app. */
  const state = (app: Express) => ({
    json: app.response.json,
    send: app.response.send,
    end: app.response.end,
    etag: app.get('etag fn'),
    request: app.request,
    response: app.response,
    prototypes: [Object.getPrototypeOf(app.request), Object.getPrototypeOf(app.response)],
    own: [Reflect.ownKeys(app.request), Reflect.ownKeys(app.response)],
  });

  it('lists in the report what it replaces, before and after listen', async () => {
    const app = productionize(express(), quiet());
    expect(partOf(app)).toMatchObject({ state: 'on', facts: { keepAliveTimeoutMs: 65_000 } });
    expect(partOf(app)?.reason).toMatch(/res\.json, res\.send and the ETag function; .* app's prototypes/);
    await listen(app);
    expect(partOf(app)).toMatchObject({ state: 'on', facts: { keepAliveTimeoutMs: 65_000 } });
    expect(report(app)?.servers).toEqual([expect.objectContaining({ keepAliveTimeoutMs: 65_000 })]);
  });

  it("leaves Express's own functions, prototypes and server in place where every part is false", async () => {
    const app = express();
    const parts = report(productionize(express(), quiet()))?.parts.map(({ name }) => name) ?? [];
    const off = Object.fromEntries(
      parts.filter((name) => name !== 'requestContext').map((name) => [name, false]),
    );
    const before = state(app);
    productionize(app, off);
    app.get('/', (req, res) => {
      res.json([Object.getPrototypeOf(req) === app.request, req.constructor.name]);
    });
    const { server, url } = await listen(app);
    expect((await get(url)).text).toBe('[true,"IncomingMessage"]');
    expect(server.keepAliveTimeout).toBe(5000);
    const after = state(app);
    expect({ ...after, own: [] }).toEqual({ ...before, own: [] });
    expect(after.own[1]).toEqual(before.own[1]);
    expect(partOf(app)?.state).toBe('off');
    restoreApp(app);
    expect(state(app)).toEqual(before);
  });

  it('removes everything with the undo, and includes what the app added since', async () => {
    const app = express();
    (app.response as unknown as { early: string }).early = 'early';
    const before = state(app);
    productionize(app, quiet());
    const sub = express();
    sub.get('/', (_req, res) => void res.json((res as unknown as { late: string }).late));
    app.use('/sub', sub);
    app.get('/', (_req, res) => {
      const { early, late } = res as unknown as Record<string, string>;
      res.json([early, late, Object.getPrototypeOf(res) === app.response]);
    });
    const { url } = await listen(app);
    (app.response as unknown as { late: string }).late = 'late';
    expect((await get(url)).text).toBe('["early","late",true]');
    expect(state(app)).not.toEqual(before);
    restoreApp(app);
    const { own, ...rest } = state(app);
    const { own: ownBefore, ...restBefore } = before;
    expect(rest).toEqual(restBefore);
    expect(own).toEqual([ownBefore[0], [...(ownBefore[1] ?? []), 'late']]);
    // the server of before goes on, and a sub-app of before sees what is added later
    (app.response as unknown as { late: string }).late = 'later';
    expect((await get(url)).text).toBe('["early","later",true]');
    expect((await get(`${url}/sub`)).text).toBe('"later"');
    expect(app.response.end).toBe(ServerResponse.prototype.end);
  });

  it('does not change the classes that createServer made before it', async () => {
    const app = express();
    const server = createServer(app);
    const before = state(app);
    productionize(app, quiet());
    app.get('/', (_req, res) => void res.send('ok'));
    await get((await serve(app)).url);
    restoreApp(app);
    expect(state(app)).toEqual(before);
    server.close();
  });
});
