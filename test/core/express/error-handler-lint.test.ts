import { runInThisContext } from 'node:vm';
import { transform } from 'esbuild';
import type { NextFunction, Request, Response } from 'express';
import { lintErrorHandlers } from '../../../src/core/express/error-handler-lint.js';
import { routerOf } from '../../../src/support/express-layers.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { killAll, run } from '../../helpers/program.js';

afterEach(killAll);

type Handler = (...args: never[]) => unknown;

function evaluate(source: string): Handler[] {
  return runInThisContext(source);
}

describe.each(expressVersions)('lintErrorHandlers on %s', (_name, express) => {
  function lint(...handlers: Handler[]) {
    const app = express();
    for (const handler of handlers) app.use(handler as never);
    return lintErrorHandlers(routerOf(app));
  }

  it('names error handlers with fewer than four formal parameters', () => {
    function defaulted(_err: Error, _req: Request, _res: Response, _next: NextFunction | null = null) {}
    function short(error: Error, _req: Request, res: Response) {
      res.send(error.message);
    }
    const arrow = async (err: Error, ..._rest: unknown[]) => err;
    const onlyOne = (err: Error) => err;
    expect(lint(defaulted, short, arrow, onlyOne)).toEqual(['defaulted', 'short', 'arrow', 'onlyOne']);
  });

  it('names a wrapper that drops the length, by its name', () => {
    const errorHandler = (...args: unknown[]) => args;
    expect(lint(errorHandler)).toEqual(['errorHandler']);
  });

  it('reports neither real error handlers nor ordinary middleware', () => {
    const real = (_err: Error, _req: Request, _res: Response, _next: NextFunction) => {};
    const ordinary = (_req: Request, _res: Response, next: NextFunction) => next();
    const wrapper = (...args: unknown[]) => args;
    const router = express.Router();
    router.get('/', (_req, res) => void res.send('ok'));
    expect(lint(real, ordinary, wrapper, router as never, (() => {}) as Handler)).toEqual([]);
  });

  it('reports nothing that is ordinary in a minified bundle', async () => {
    const source = `handlers = [
      function logRequests(req, res, next) { next(); },
      (error, req, res, next) => res.send(error.message),
      (request, response) => response.send('not found'),
    ]`;
    const { code } = await transform(source, { minify: true });
    const renamed = code.replace('logRequests', 'r');
    // a minifier reaches two letters where a function uses many names
    const handlers = [...evaluate(renamed), ...evaluate('[(ex, r, t) => t(), function t(ex, r) {}]')];
    expect(lint(...handlers)).toEqual([]);
    expect(lint(...evaluate('[function short(ex, req, res) {}]'))).toEqual(['short']);
  });

  it('looks into routers and routes', () => {
    const router = express.Router();
    router.get('/', ((err: Error, _req: Request, _res: Response) => err) as never);
    expect(lint(router as never)).toHaveLength(1);
  });
});

it.each(['express4', 'express'])('prints one line at the start of an app of %s', async (expressName) => {
  const program = run('lint.mjs', { args: [expressName] });
  await program.port();
  const line = await program.line(/ERR_PRODUCTIONIZE_ERROR_HANDLER_ARITY/);
  expect(line).toContain('"lastResort" declares 3 parameters');
  program.child.kill();
  await program.exit();
  expect(program.err.filter((text) => text.includes('HANDLER_ARITY'))).toHaveLength(1);
});
