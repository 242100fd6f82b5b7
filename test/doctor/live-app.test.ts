import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import express, { type Express } from 'express';
import express4 from 'express4';
import { audit } from '../../src/doctor/index.js';
import { productionize } from '../../src/index.js';

const text = 'text '.repeat(1000);

function* zeros(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(65_536);
}

function addRoutes(app: Express): Express {
  app.get('/', (_req, res) => void res.type('text').send(text));
  app.get('/items/:id', (req, res) => void res.json({ id: req.params.id }));
  app.post('/items', (_req, res) => void res.send('changed'));
  return app;
}

describe.each([
  ['Express 4', express4],
  ['Express 5', express],
])('an audit of an app in this process, on %s', (_name, factory) => {
  const make = () => addRoutes(factory() as Express);

  it('names its faults, and what only a start of it shows', async () => {
    const { findings, notExamined, notes } = await audit(make(), { params: { id: '1' } });
    const ids = findings.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(['compression-missing', 'powered-by', 'readiness-missing']));
    expect(notExamined).toEqual(
      expect.arrayContaining([
        'sigterm-loses-requests',
        'exception-ignored',
        'keep-alive-short',
        'sessions-in-memory',
        'body-limit-large',
      ]),
    );
    expect(ids.filter((id) => notExamined.includes(id))).toEqual([]);
    expect(notes).toEqual([]);
  });

  it('leaves the app as it was, and requests nothing that changes it', async () => {
    const app = make();
    const requests: string[] = [];
    const before = Object.getOwnPropertyDescriptor(app, 'handle')?.value;
    const recorded = factory() as Express;
    recorded.use((req, _res, next) => {
      requests.push(`${req.method} ${req.url}`);
      next();
    });
    addRoutes(recorded);
    await audit(app);
    expect(Object.getOwnPropertyDescriptor(app, 'handle')?.value).toBe(before);
    const { notes } = await audit(recorded);
    expect(notes).toEqual([expect.stringContaining('GET /items/:id: no value is known')]);
    expect(requests).toContain('GET /');
    expect(requests.filter((each) => !each.startsWith('GET '))).toEqual([]);
  });

  it('names a response that is sent again, and none that differs at its end or has no end', async () => {
    const app = factory() as Express;
    let count = 0;
    app.get('/same', (_req, res) => void res.end(text));
    app.get('/differs', (_req, res) => void res.end(`${text}${String(count++).padStart(9)}`));
    app.get('/endless', (_req, res) => void Readable.from(zeros()).pipe(res));
    const { findings } = await audit(app);
    const again = findings.filter(({ id }) => id === 'response-sent-again');
    expect(again.flatMap(({ evidence }) => evidence.map(({ route }) => route))).toEqual(['GET /same']);
  });

  it('names synchronous calls', async () => {
    const app = factory() as Express;
    app.get('/file', (_req, res) => void res.send(readFileSync(__filename, 'utf8')));
    const { findings } = await audit(app);
    const found = findings.find(({ id }) => id === 'synchronous-call');
    expect(found?.evidence).toMatchObject([{ text: 'fs.readFileSync', route: 'GET /file' }]);
  });

  it('finds fewer faults where it is productionized', async () => {
    const [plain, mended] = [await audit(make()), await audit(productionize(make(), { logger: false }))];
    expect(mended.score).toBeGreaterThan(plain.score);
    expect(mended.findings.map(({ id }) => id)).not.toContain('compression-missing');
  });

  it('counts the checks of `only`, and lists what `silence` accepts with its reason', async () => {
    const only = ['powered-by', 'compression-missing', 'domain'];
    const silence = { 'powered-by': 'an old client reads it' };
    const { score, findings, silenced } = await audit(make(), { only, silence });
    expect([score, findings.map(({ id }) => id)]).toEqual([94, ['compression-missing']]);
    expect(silenced).toMatchObject([{ id: 'powered-by', because: 'an old client reads it' }]);
  });

  it.each([
    [{ only: ['powerd-by'] }, /`only` to be an array of ids of checks, such as `powered-by`, got/],
    [{ only: 'powered-by' }, /`only` to be an array/],
    [{ silence: { 'powerd-by': 'a reason' } }, /`silence` to be an object of ids of checks and reasons, got/],
    [{ silence: { 'powered-by': ' ' } }, /`silence` to be/],
    [{ silence: [] }, /`silence` to be/],
  ])('refuses %j', async (options, message) => {
    const error = expect.objectContaining({
      code: 'ERR_PRODUCTIONIZE_OPTION',
      message: expect.stringMatching(message),
    });
    await expect(audit(make(), options as never)).rejects.toEqual(error);
    await expect(audit('app.js', options as never)).rejects.toEqual(error);
    await expect(audit(new URL('http://127.0.0.1:1'), options as never)).rejects.toEqual(error);
  });

  it('takes no option of a script', async () => {
    await expect(audit(make(), { signals: false } as never)).rejects.toThrow(/signals/);
  });
});
