import vm from 'node:vm';
import { bodyGuard, productionize, safeJsonParse } from '../../src/index.js';
import { stripPrototypeKeys } from '../../src/support/safe-json.js';
import { expressVersions } from '../helpers/express-versions.js';
import { memoryLog } from '../helpers/memory-log.js';
import { closeAll, get, serve } from '../helpers/serve.js';

afterEach(closeAll);

const hostile =
  '{"__proto__":{"admin":true},"a":{"constructor":{"prototype":{"admin":true}}},"b":[{"__proto__":1}],"ok":1}';
const post = { method: 'POST', headers: { 'content-type': 'application/json' } };

describe.each(expressVersions)('request bodies on %s', (_name, express) => {
  it('strips prototype keys from a parsed body, at any depth', async () => {
    const log = memoryLog();
    const app = productionize(express(), log.options);
    app.use(express.json());
    app.post('/', (req, res) => {
      const merged: Record<string, unknown> = {};
      for (const key in req.body) merged[key] = req.body[key];
      res.json({
        keys: Object.getOwnPropertyNames(req.body),
        admin: merged.admin,
        text: JSON.stringify(req.body),
      });
    });
    const { url } = await serve(app);
    const { text } = await get(url, { ...post, body: hostile });
    expect(JSON.parse(text)).toEqual({ keys: ['a', 'b', 'ok'], text: '{"a":{},"b":[{}],"ok":1}' });
    expect(log.lines).toContainEqual(expect.objectContaining({ level: 40, stripped: 3 }));
  });

  it('does not change an ordinary body, nor a plain key named constructor', async () => {
    const app = productionize(express(), memoryLog().options);
    app.use(express.json());
    app.post('/', (req, res) => void res.json(req.body));
    app.get(
      '/',
      (req, res) => void res.json({ body: req.body === undefined || Object.keys(req.body).length === 0 }),
    );
    const { url } = await serve(app);
    const body = '{"constructor":"Ferrari","list":[1,null,{"x":"é"}]}';
    expect((await get(url, { ...post, body })).text).toBe(body);
    expect((await get(url)).text).toBe('{"body":true}');
  });

  it('lists, copies, replaces and deletes req.body as without bodyGuard', async () => {
    const app = productionize(express(), memoryLog().options);
    app.post('/', express.json(), (req, res) => {
      const seen = [Object.keys(req).includes('body'), Object.hasOwn(req, 'body'), { ...req }.body];
      const derived = Object.create(req);
      derived.body = 'derived';
      seen.push(derived.body, req.body);
      req.body = JSON.parse(hostile);
      seen.push(Object.keys(req.body));
      delete req.body;
      res.json([...seen, Object.hasOwn(req, 'body'), typeof req.body]);
    });
    const { url } = await serve(app);
    const body = { a: 1 };
    const { text } = await get(url, { ...post, body: JSON.stringify(body) });
    expect(JSON.parse(text)).toEqual([
      true,
      true,
      body,
      'derived',
      body,
      ['a', 'b', 'ok'],
      false,
      'undefined',
    ]);
  });

  it("leaves 'body' in req false until a parser reads the request", async () => {
    const app = productionize(express(), memoryLog().options);
    app.use(express.urlencoded({ extended: true }));
    const router = express.Router();
    router.post('/:id/in', (req, res) => void res.json(['body' in req, Object.keys(req).includes('body')]));
    router.post('/:id/parsed', express.json(), (req, res) => void res.json(['body' in req, req.body]));
    router.post('/:id/read', async (req, res) => {
      const before = 'body' in req;
      let bytes = 0;
      for await (const chunk of req) bytes += chunk.length;
      req.body = JSON.parse(hostile);
      res.json([before, bytes, Object.keys(req.body)]);
    });
    app.use('/areas', router);
    const plain = express();
    plain.use(express.urlencoded({ extended: true }));
    plain.post('/', (req, res) => void res.json(['body' in req, Object.keys(req).includes('body')]));
    const [{ url }, expected] = [await serve(app), await serve(plain)];
    const send = async (path: string, base = url) =>
      JSON.parse((await get(base + path, { ...post, body: hostile })).text);
    expect(await send('/areas/1/in')).toEqual(await send('/', expected.url));
    expect(await send('/areas/1/parsed')).toEqual([true, { a: {}, b: [{}], ok: 1 }]);
    expect((await send('/areas/1/read')).slice(1)).toEqual([hostile.length, ['a', 'b', 'ok']]);
  });

  it('strips the body that an adapter has set before the app is called', async () => {
    const app = productionize(express(), memoryLog().options);
    app.post('/', (req, res) => void res.json(Object.getOwnPropertyNames(req.body)));
    const { url } = await serve((req, res) => {
      Object.assign(req, { body: JSON.parse(hostile) });
      app(req, res);
    });
    expect(JSON.parse((await get(url, { ...post, body: hostile })).text)).toEqual(['a', 'b', 'ok']);
  });

  it('passes a binary body on without listing its bytes', async () => {
    let listed = 0;
    // listing the keys of an object lists those of its prototypes, too
    const prototype = new Proxy(Buffer.prototype, {
      ownKeys(target) {
        listed += 1;
        return Reflect.ownKeys(target);
      },
    });
    const app = productionize(express(), memoryLog().options);
    app.post('/', express.raw({ type: '*/*' }), (req, res) => {
      const keys = jest.spyOn(Object, 'keys');
      req.body = Object.setPrototypeOf(Buffer.from(req.body), prototype);
      const looked = keys.mock.calls.filter(([value]) => ArrayBuffer.isView(value)).length;
      keys.mockRestore();
      res.json([looked, listed, ArrayBuffer.isView(req.body), req.body.length]);
    });
    const { url } = await serve(app);
    expect((await get(url, { ...post, body: 'bytes' })).text).toBe('[0,0,true,5]');
  });

  it('works alone after a parser', async () => {
    const app = express();
    app.use(express.json(), bodyGuard());
    app.post('/', (req, res) => void res.send(Object.getOwnPropertyNames(req.body).join()));
    const { url } = await serve(app);
    expect((await get(url, { ...post, body: hostile })).text).toBe('a,b,ok');
  });

  it('responds to malformed JSON with 400; neither the log nor the response contains the text', async () => {
    const log = memoryLog();
    const app = productionize(express(), log.options);
    app.use(express.json());
    app.post('/', (_req, res) => void res.send('not reached'));
    const { url } = await serve(app);
    const answer = await get(url, { ...post, body: '{"password": hunter2' });
    const line = await log.line(({ status }) => status === 400);
    expect(answer.status).toBe(400);
    expect(answer.text + JSON.stringify(line)).not.toMatch(/hunter2|password/);
    expect(line.err).toBeDefined();
  });
});

describe('safeJsonParse', () => {
  it.each(['', '{', 'nul', '[1,]', '{"a":1}}', '\u0000', '['.repeat(100_000), undefined, 7, null])(
    'returns an error for %p and quotes nothing of it',
    (text) => {
      const result = safeJsonParse(text);
      expect(result).toMatchObject({ ok: false, error: expect.any(Error) });
      if (!result.ok && typeof text === 'string' && text) expect(result.error.message).not.toContain(text);
    },
  );

  it('returns an error for a reviver that throws', () => {
    const result = safeJsonParse('{"a":1}', () => {
      throw undefined;
    });
    expect(result.ok).toBe(false);
  });

  it('returns the value without prototype keys', () => {
    expect(safeJsonParse('{"a":1}')).toEqual({ ok: true, value: { a: 1 } });
    const result = safeJsonParse<object>(hostile);
    expect(result.ok && Object.getOwnPropertyNames(result.value)).toEqual(['a', 'b', 'ok']);
  });
});

describe('stripPrototypeKeys', () => {
  it('finishes for a body with cycles, and for one whose parts are shared a million times', () => {
    const cyclic: Record<string, unknown> = JSON.parse(hostile);
    cyclic.self = [cyclic, cyclic];
    expect(stripPrototypeKeys(cyclic)).toBe(3);
    let shared: unknown = JSON.parse('{"__proto__":1}');
    for (let depth = 0; depth < 40; depth++) shared = [shared, shared, shared];
    expect(stripPrototypeKeys(shared)).toBe(1);
  });

  it('visits plain objects and arrays only', () => {
    class Point {
      constructor(readonly data: object) {}
    }
    expect(stripPrototypeKeys(new Point(JSON.parse(hostile)))).toBe(0);
    expect(stripPrototypeKeys(new Map([[1, JSON.parse(hostile)]]))).toBe(0);
    expect(stripPrototypeKeys(Object.assign(Object.create(null), { a: JSON.parse(hostile) }))).toBe(3);
    expect(stripPrototypeKeys(vm.runInNewContext(`JSON.parse('${hostile}')`))).toBe(3);
  });
});
