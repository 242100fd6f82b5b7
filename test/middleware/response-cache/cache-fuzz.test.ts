import http from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { Express } from 'express';
import { productionize, responseCache } from '../../../src/index.js';
import { converse } from '../../helpers/converse.js';
import { type ExpressFactory, expressVersions } from '../../helpers/express-versions.js';
import { fakeDate } from '../../helpers/fake-timers.js';
import { repetitions } from '../../helpers/repetitions.js';
import { type Answer, closeAll, get, serve } from '../../helpers/serve.js';
import { confess } from './rules/confessing-app.js';
import { type Fuzzed, fuzzed, rawRequests } from './rules/hostile.js';
import { Random } from './rules/random.js';
import { start } from './rules/rule.js';

const combinations = repetitions(10_000, 1000);
const clients = 8;

const clock = fakeDate();

const seed = Number(process.env.CACHE_FUZZ_SEED ?? (Date.now() ^ process.pid) >>> 0);
let runs = 0;
const unhandled: unknown[] = [];
const note = (error: unknown) => void unhandled.push(error);

beforeAll(() => {
  process.stdout.write(`cache fuzz: CACHE_FUZZ_SEED=${seed} repeats this run\n`);
  process.on('unhandledRejection', note).on('uncaughtException', note);
});

afterAll(() => {
  process.off('unhandledRejection', note).off('uncaughtException', note);
});

afterEach(async () => {
  await closeAll();
  expect(unhandled).toEqual([]);
});

const ways: [string, (express: ExpressFactory) => Express][] = [
  ['app.use(responseCache())', (express) => express().use(responseCache())],
  [
    'productionize(app, { cache: true })',
    (express) =>
      productionize(express(), {
        cache: true,
        compression: { threshold: 0 },
        logger: { level: 'silent' },
        fatalErrors: false,
      }),
  ],
];

async function serveConfessing(app: Express): Promise<string> {
  app.set('env', 'test');
  confess(app);
  return (await serve(app as unknown as http.RequestListener)).url;
}

/** For whom an answer is. */
function confessed({ headers }: Answer): string | undefined {
  const said = headers['x-for'];
  return said === undefined ? undefined : Buffer.from(String(said), 'base64url').toString();
}

function decoded({ headers, body }: Answer): string {
  const decode = { gzip: gunzipSync, br: brotliDecompressSync }[String(headers['content-encoding'])];
  return (decode?.(body) ?? body).toString();
}

/**
 * Overrides that the answer does not vary by are lost on a hit, and that is the app's own doing. What they bring about
 * is for nobody else.
 */
function withoutOverride(said: string | undefined): string | undefined {
  return said?.replace(/"override":\[[^\]]*\]/, '"override":[null,null]');
}

/** What is wrong with an answer, beside that of the same app without a cache; nothing as a rule. */
function wrong(request: Fuzzed, answer: Answer, twin: Answer): string | undefined {
  const { status, headers } = answer;
  if (status === 504 && Object.values(request.headers).includes('only-if-cached')) return undefined;
  const said = confessed(answer);
  if (said !== confessed(twin) && said !== withoutOverride(confessed(twin)))
    return 'it is for another request';
  if (answer.cut) return 'it is cut';
  if (status >= 500 && status !== twin.status) return `its status is ${status}`;
  if (said === undefined)
    return status === twin.status ? undefined : `its status is ${status}, not ${twin.status}`;
  const length = Number(headers['content-length'] ?? answer.body.length);
  if (request.method !== 'HEAD' && status !== 304 && length !== answer.body.length)
    return 'its length is wrong';
  if (request.method === 'HEAD' || status === 304)
    return answer.body.length > 0 ? 'it has a body' : undefined;
  const text = decoded(answer);
  const range = /^bytes (\d+)-(\d+)\//.exec(String(headers['content-range']));
  const wanted = status === 206 && range ? said.slice(Number(range[1]), Number(range[2]) + 1) : said;
  if (text !== wanted) return 'its body is not what its head says';
  return undefined;
}

describe.each(expressVersions)('%s', (_version, express) => {
  it.each(ways)(
    `${combinations / 4} random requests through %s: each response belongs to its request`,
    async (_way, make) => {
      const random = new Random(seed + ++runs);
      const [url, twinUrl] = await Promise.all([serveConfessing(make(express)), serveConfessing(express())]);
      const agent = new http.Agent({ keepAlive: true });
      let now = start;
      let left = combinations / 4;
      let hits = 0;
      const failures: unknown[] = [];

      const send = (base: string, { method, path, headers, body }: Fuzzed): Promise<Answer> =>
        get(base, { path, method, headers, body, agent, signal: AbortSignal.timeout(5000) });

      async function client(): Promise<void> {
        while (left-- > 0) {
          const request = fuzzed(random);
          if (random.chance(0.01)) now += Math.floor(random.next() * 15_000);
          clock.set(now);
          try {
            const [answer, twin] = await Promise.all([send(url, request), send(twinUrl, request)]);
            if (/\bhit\b/.test(String(answer.headers['cache-status']))) hits++;
            const what = wrong(request, answer, twin);
            if (what !== undefined)
              failures.push({
                what,
                request,
                status: answer.status,
                is: confessed(answer),
                wanted: confessed(twin),
              });
          } catch (error) {
            failures.push({ what: String(error), request });
          }
        }
      }

      await Promise.all(Array.from({ length: clients }, client));
      agent.destroy();
      expect(failures.slice(0, 3)).toEqual([]);
      // it was the cache that was tested
      expect(hits).toBeGreaterThan(combinations / 4 / 10);
    },
    60_000,
  );

  it.each(ways)(
    'malicious bytes through %s do not change the responses for other clients',
    async (_way, make) => {
      const [url, twinUrl] = await Promise.all([serveConfessing(make(express)), serveConfessing(express())]);
      const port = Number(new URL(url).port);
      clock.set(start);
      const failures: unknown[] = [];
      for (const [i, [what]] of rawRequests('/open/0').entries()) {
        const path = `/open/${i}`;
        const [, bytes] = rawRequests(path)[i] as [string, string];
        const got = await converse(port, [Buffer.from(bytes, 'latin1').toString('latin1'), 'FIN']);
        const statuses = [...got.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map((found) => Number(found[1]));
        if (statuses.some((status) => status >= 500)) failures.push({ what, got });
        for (const headers of [{ host: 'a.test' }, { host: 'evil.test' }] as const) {
          const [answer, twin] = await Promise.all([
            get(url + path, { headers }),
            get(twinUrl + path, { headers }),
          ]);
          if (answer.status !== 200 || confessed(answer) !== confessed(twin) || answer.text !== twin.text) {
            failures.push({ what, headers, is: confessed(answer), wanted: confessed(twin) });
          }
        }
      }
      expect(failures).toEqual([]);
    },
    60_000,
  );
});
