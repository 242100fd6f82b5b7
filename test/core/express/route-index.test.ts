import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Application, NextFunction, Request, Response, Router } from 'express';
import { productionize } from '../../../src/index.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { repetitions } from '../../helpers/repetitions.js';

/** Deterministic numbers from 0 to 1 (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

type Random = () => number;
const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

const segments = ['a', 'b', 'A', 'api', 'v1', 'ca.t', 'x-y', '', 'ä', '%41', ':id', ':id', ':name', ':a-:b'];
const extras = { 4: ['*', ':o?', ':n(\\d+)', '(x|y)'], 5: ['*rest', '{:o}', '\\:q'] };
const expressions = [
  /^\/a/,
  /^\/a\/b?/,
  /\/b$/,
  /^\/(a|b)\/(.*)/,
  /^\/API$/i,
  /^\/a(?=\/|$)/,
  /^\/a$|^\/b$/,
  /^\/a\/{1,2}b/,
];
const urlSegments = [
  'a',
  'b',
  'A',
  'api',
  'v1',
  'ca.t',
  'x-y',
  '',
  '%C3%A4',
  'ä',
  '%41',
  '%zz',
  '7',
  'a-b',
  'zz',
];
const methods = ['get', 'post', 'all', 'head'] as const;

function path(random: Random, major: 4 | 5): string | RegExp | (string | RegExp)[] {
  if (random() < 0.08) return pick(random, expressions);
  if (random() < 0.06) return [text(random, major), text(random, major)];
  return text(random, major);
}

function text(random: Random, major: 4 | 5): string {
  const count = Math.floor(random() * 4);
  const used = new Set<string>();
  const parts = Array.from({ length: count }, () => {
    const part = pick(random, random() < 0.15 ? extras[major] : segments);
    // a name may stand once in a path
    if (part.includes(':') && used.size > 0) return 'b';
    if (/[:*{]/.test(part)) used.add(part);
    return part;
  });
  return `/${parts.join('/')}${random() < 0.15 ? '/' : ''}`;
}

function url(random: Random): string {
  const parts = Array.from({ length: 1 + Math.floor(random() * 4) }, () => pick(random, urlSegments));
  const query = random() < 0.1 ? '?q=/a/b' : '';
  const host = random() < 0.03 ? 'http://host' : '';
  return `${host}/${parts.join('/')}${random() < 0.1 ? '/' : ''}${query}`;
}

interface Trace {
  readonly steps: string[];
  end(): void;
}

const traceKey = Symbol('trace');

function traceOf(req: object): Trace {
  return (req as { [traceKey]: Trace })[traceKey];
}

/** A handler that notes what it sees, and then does the same thing each time. */
function handler(random: Random, id: string, router: Router) {
  const action = random();
  const target = url(random);
  return (req: Request, res: Response, next: NextFunction) => {
    const { steps, end } = traceOf(req);
    steps.push(`${id} ${req.baseUrl} ${req.url} ${JSON.stringify(req.params)}`);
    if (action < 0.55) next();
    else if (action < 0.6) next('route');
    else if (action < 0.63) next('router');
    else if (action < 0.68) next(new Error(id));
    else if (action < 0.75 && steps.length < 20) {
      req.url = target;
      next();
    } else if (action < 0.8) queueMicrotask(next);
    else if (action < 0.82 && router.stack.length < 30) {
      router.use('/a', (_req, _res, proceed) => {
        steps.push('added');
        proceed();
      });
      next();
    } else if (action < 0.83 && router.stack.length > 3) {
      router.stack.splice(1, 1);
      next();
    } else {
      res.end();
      end();
    }
  };
}

function fill(
  random: Random,
  express: () => Application,
  major: 4 | 5,
  router: Router,
  name: string,
  depth: number,
) {
  const factory = express as unknown as { Router(options: object): Router };
  const count = 2 + Math.floor(random() * 14);
  for (let index = 0; index < count; index++) {
    const id = `${name}.${index}`;
    const kind = random();
    if (kind < 0.12) router.use(handler(random, id, router));
    else if (kind < 0.24) router.use(path(random, major) as string, handler(random, id, router));
    else if (kind < 0.3) {
      router.use((error: Error & { status?: number }, req: Request, _res: Response, next: NextFunction) => {
        traceOf(req).steps.push(`${id} error ${error.message} ${error.status}`);
        next(error);
      });
    } else if (kind < 0.45 && depth < 3) {
      const options = { mergeParams: random() < 0.5, strict: random() < 0.3, caseSensitive: random() < 0.3 };
      const inner = factory.Router(options);
      fill(random, express, major, inner, id, depth + 1);
      router.use(path(random, major) as string, inner);
    } else if (kind < 0.48) {
      router.param('id', (req, _res, next, value) => {
        traceOf(req).steps.push(`${id} param ${value}`);
        next();
      });
    } else {
      router[pick(random, methods)](
        path(random, major) as string,
        handler(random, id, router),
        handler(random, `${id}'`, router),
      );
    }
  }
}

function make(seed: number, express: () => Application, major: 4 | 5): Application {
  const random = numbers(seed);
  const app = express();
  app.set('strict routing', random() < 0.2);
  app.set('case sensitive routing', random() < 0.2);
  app.set('env', 'test');
  fill(random, express, major, app as unknown as Router, 'app', 0);
  return app;
}

async function run(app: Application, method: string, target: string): Promise<string[]> {
  const steps: string[] = [];
  const req = new IncomingMessage(new Socket());
  Object.assign(req, { method, url: target });
  const res = new ServerResponse(req);
  await new Promise<void>((resolve) => {
    Object.assign(req, { [traceKey]: { steps, end: resolve } });
    const { end } = res;
    // a response to OPTIONS
    res.end = ((...args: []) => {
      steps.push(`end ${res.getHeader('Allow')}`);
      end.apply(res, args as never);
      resolve();
      return res;
    }) as typeof end;
    (app as unknown as (...args: unknown[]) => void)(req, res, (error?: Error & { status?: number }) => {
      steps.push(`done ${error?.message} ${error?.status}`);
      resolve();
    });
  });
  res.emit('close');
  return steps;
}

describe.each(expressVersions)('routers of %s that pass over layers which cannot match', (name, express) => {
  it('call the same handlers with the same parameters as without the library, for random route tables', async () => {
    const major = name.endsWith('4') ? 4 : 5;
    const tables = repetitions(1250, 100);
    let requests = 0;
    for (let seed = 1; seed <= tables; seed++) {
      let plain: Application;
      try {
        plain = make(seed, express, major);
      } catch {
        // the router refuses one of the random paths
        continue;
      }
      const ours = productionize(make(seed, express, major), {
        fatalErrors: false,
        gracefulShutdown: false,
        requestLogger: false,
        logger: { level: 'silent' },
        healthChecks: false,
        errorHandler: false,
      });
      const random = numbers(-seed);
      for (let count = 0; count < 40; count++) {
        const method = pick(random, ['GET', 'GET', 'GET', 'POST', 'HEAD', 'OPTIONS', 'DELETE']);
        const target = url(random);
        const expected = await run(plain, method, target);
        const seen = await run(ours, method, target);
        requests++;
        if (seen.join('\n') !== expected.join('\n')) {
          throw new Error(
            `table ${seed}, ${method} ${target}: ${JSON.stringify({ expected, seen }, null, 1)}`,
          );
        }
      }
    }
    expect(requests).toBeGreaterThan(tables * 20);
  }, 300_000);
});
