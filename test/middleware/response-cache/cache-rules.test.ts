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
import { type Origin, type Rule, type Step, start } from './rules/rule.js';
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

/** The origin of one rule, with its calls and responses. */
class Run {
  calls = 0;
  readonly bodies: string[] = [];
  #watch = () => {};

  constructor(
    readonly rule: Rule,
    readonly base: string,
  ) {}

  respond(req: IncomingMessage): Origin {
    const call = ++this.calls;
    const { origin } = this.rule;
    const several = Array.isArray(origin) ? (origin as readonly Origin[]) : undefined;
    const response =
      typeof origin === 'function'
        ? origin(req, call)
        : ((several ? (several[call - 1] ?? several.at(-1)) : origin) as Origin);
    const { body = `result ${call}` } = response;
    this.bodies.push(body);
    setImmediate(() => this.#watch());
    return { ...response, body };
  }

  /** Resolves when the origin was called that often, or after two seconds. Then the comparison reports the difference. */
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
  if (run === undefined) throw new Error(`unexpected request for ${req.url}`);
  const { status = 200, headers = {}, body = '', by = 'end' } = run.respond(req);
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
      for (const [i, step] of rule.steps.entries()) {
        at = step.at ?? at;
        clock.set(start + at * 1000);
        const { path = '', method = 'GET', headers = {}, body } = step;
        const response = await get(url, {
          path: `${run.base}${path}`,
          method,
          headers: headers as http.OutgoingHttpHeaders,
          body,
          agent,
        });
        calls = step.calls ?? Math.max(calls, step.from ?? 0);
        await run.called(calls);
        const [seen, wanted] = compare(step, response, run, calls);
        expect({ request: i + 1, seen }).toEqual({ request: i + 1, seen: wanted });
        step.check?.(response, start + at * 1000);
      }
      runs.delete(run.base);
    });
  });
});

/** Returns the actual and the expected result, so that a failure shows all differences. */
function compare(step: Step, response: Answer, run: Run, calls: number): [seen: unknown, wanted: unknown] {
  const { from, status = 200, has = {}, method } = step;
  const { headers, text } = response;
  const body = from === undefined || method === 'HEAD' ? undefined : run.bodies[from - 1];
  const names = Object.keys(has);
  const call = headers['x-call'];
  return [
    {
      from: call,
      status: response.status,
      calls: run.calls,
      text,
      has: Object.fromEntries(names.map((name) => [name, headers[name] && String(headers[name])])),
    },
    {
      from: from === undefined ? call : String(from),
      status: [status].flat().includes(response.status) ? response.status : status,
      calls,
      text: step.text ?? body ?? text,
      has: Object.fromEntries(
        names.map((name) => {
          const value = has[name];
          return [name, value instanceof RegExp ? expect.stringMatching(value) : value];
        }),
      ),
    },
  ];
}
