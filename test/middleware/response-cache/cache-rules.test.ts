import http, { type IncomingMessage, type RequestListener } from 'node:http';
import type { Express, Response } from 'express';
import { productionize, responseCache } from '../../../src/index.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { fakeDate } from '../../helpers/fake-timers.js';
import { sample } from '../../helpers/repetitions.js';
import { type Answer, closeAll, get, serve } from '../../helpers/serve.js';
import { freshness } from './rules/freshness.js';
import { invalidating } from './rules/invalidating.js';
import { reporting } from './rules/reporting.js';
import { type Ask, type Origin, type Rule, start } from './rules/rule.js';
import { selecting } from './rules/selecting.js';
import { staleness } from './rules/staleness.js';
import { storing } from './rules/storing.js';
import { validating } from './rules/validating.js';

const rules: readonly Rule[] = [
  ...storing,
  ...freshness,
  ...selecting,
  ...validating,
  ...invalidating,
  ...staleness,
  ...reporting,
];

/** What the origin of a rule was asked, and answered. */
class Run {
  calls = 0;
  readonly bodies: string[] = [];
  #watch = () => {};

  constructor(
    readonly rule: Rule,
    readonly base: string,
  ) {}

  answer(req: IncomingMessage): Origin {
    const call = ++this.calls;
    const { origin } = this.rule;
    const several = Array.isArray(origin) ? (origin as readonly Origin[]) : undefined;
    const answer =
      typeof origin === 'function'
        ? origin(req, call)
        : ((several ? (several[call - 1] ?? several.at(-1)) : origin) as Origin);
    const { body = `answer ${call}` } = answer;
    this.bodies.push(body);
    setImmediate(() => this.#watch());
    return { ...answer, body };
  }

  /** Resolves once the origin was called so often; what never comes is for the comparison to tell. */
  called(times: number): Promise<void> {
    return new Promise((resolve) => {
      const giveUp = setTimeout(resolve, 2000);
      this.#watch = () => {
        if (this.calls < times) return;
        clearTimeout(giveUp);
        resolve();
      };
      this.#watch();
    });
  }
}

const runs = new Map<string, Run>();

function origin(req: IncomingMessage, res: Response): void {
  const run = runs.get(/^\/rule-\d+/.exec(String(req.url))?.[0] ?? '');
  if (run === undefined) throw new Error(`nobody asked for ${req.url}`);
  const { status = 200, headers = {}, body = '', by = 'end' } = run.answer(req);
  if (by === 'throw') throw new Error('the origin is broken');
  const filled = Object.entries({ ...headers, 'X-Call': String(run.calls) }).map(
    ([name, value]) =>
      [name, typeof value === 'string' ? value.replaceAll('{base}', run.base) : [...value]] as const,
  );
  if (by === 'writeHead') {
    res.writeHead(status, Object.fromEntries(filled)).end(body);
    return;
  }
  res.statusCode = status;
  for (const [name, value] of filled) res.setHeader(name, value);
  const half = body.length >> 1;
  if (by === 'send') res.send(body);
  else if (by === 'end') res.end(body);
  else {
    res.write(body.slice(0, half));
    if (by === 'cut') setImmediate(() => res.destroy());
    else res.end(body.slice(half));
  }
}

const ways: [string, (express: (typeof expressVersions)[0][1]) => Express][] = [
  ['app.use(responseCache())', (express) => express().use(responseCache())],
  [
    'productionize(app, { cache: true })',
    (express) => productionize(express(), { cache: true, logger: { level: 'silent' }, fatalErrors: false }),
  ],
];

const clock = fakeDate();
let nextRule = 0;

describe.each(expressVersions)('%s', (_version, express) => {
  describe.each(ways)('%s', (_way, make) => {
    let url: string;
    const agent = new http.Agent({ keepAlive: true });

    beforeAll(async () => {
      const app = make(express);
      app.set('env', 'test');
      app.set('etag', 'weak');
      app.use((req, res) => origin(req, res));
      ({ url } = await serve(app as unknown as RequestListener));
    });

    afterAll(async () => {
      agent.destroy();
      await closeAll();
    });

    it.each(
      sample(
        rules.map((rule) => [`${rule.section}: ${rule.title}`, rule] as const),
        2,
      ),
    )('%s', async (_title, rule) => {
      const run = new Run(rule, `/rule-${++nextRule}`);
      runs.set(run.base, run);
      let at = 0;
      let calls = 0;
      for (const [i, ask] of rule.asks.entries()) {
        at = ask.at ?? at;
        clock.set(start + at * 1000);
        const { path = '', method = 'GET', headers = {}, body } = ask;
        const answer = await get(url, {
          path: `${run.base}${path}`,
          method,
          headers: headers as http.OutgoingHttpHeaders,
          body,
          agent,
        });
        calls = ask.calls ?? Math.max(calls, ask.from ?? 0);
        await run.called(calls);
        const [seen, wanted] = compare(ask, answer, run, calls);
        expect({ request: i + 1, seen }).toEqual({ request: i + 1, seen: wanted });
        ask.check?.(answer, start + at * 1000);
      }
      runs.delete(run.base);
    });
  });
});

/** What came, and what had to: side by side, so that a failure shows all of it. */
function compare(ask: Ask, answer: Answer, run: Run, calls: number): [seen: unknown, wanted: unknown] {
  const { from, status = 200, has = {}, method } = ask;
  const { headers, text } = answer;
  const body = from === undefined || method === 'HEAD' ? undefined : run.bodies[from - 1];
  const names = Object.keys(has);
  const call = headers['x-call'];
  return [
    {
      from: call,
      status: answer.status,
      calls: run.calls,
      text,
      has: Object.fromEntries(names.map((name) => [name, headers[name] && String(headers[name])])),
    },
    {
      from: from === undefined ? call : String(from),
      status: [status].flat().includes(answer.status) ? answer.status : status,
      calls,
      text: ask.text ?? body ?? text,
      has: Object.fromEntries(
        names.map((name) => {
          const value = has[name];
          return [name, value instanceof RegExp ? expect.stringMatching(value) : value];
        }),
      ),
    },
  ];
}
