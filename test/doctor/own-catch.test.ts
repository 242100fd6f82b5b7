import { catchesItsErrors } from '../../src/doctor/probe/own-catch.js';

type Next = (error?: unknown) => void;
interface Request {
  readonly params: { readonly id: string };
  readonly body: { readonly name: string };
}
interface Response {
  json(value: unknown): void;
  sendStatus(status: number): void;
}

declare function load(id: string): Promise<unknown>;
declare function audit(): Promise<unknown>;

/* Handlers as projects have them. They are never called: their source is read. */
const caught: Record<string, (...args: never[]) => Promise<unknown>> = {
  async 'passes the error on'(req: Request, res: Response, next: Next) {
    try {
      res.json(await load(req.params.id));
    } catch (error) {
      next(error);
    }
  },
  'reads parameters first, as an arrow': async (req: Request, res: Response, next: Next) => {
    const { id } = req.params; // a comment with try {
    try {
      if (/^\d+[{]$/.test(id)) return res.json(`{${id}`);
      return res.json(await load('}'));
    } catch {
      return next(new Error("the item can't be loaded {"));
    } finally {
      /* } */
    }
  },
  async 'has parameters with defaults'({ params: { id } = { id: '1' } }: Request, res: Response) {
    try {
      res.json(await load(id));
    } catch {
      res.sendStatus(502);
    }
  },
};
const uncaught: Record<string, (...args: never[]) => Promise<unknown>> = {
  async 'has no try'(_req: Request, res: Response) {
    res.json(await load('1'));
  },
  async 'awaits before it'(req: Request, res: Response, next: Next) {
    await audit();
    try {
      res.json(await load(req.params.id));
    } catch (error) {
      next(error);
    }
  },
  async 'awaits behind it'(req: Request, res: Response, next: Next) {
    try {
      res.json(await load(req.params.id));
    } catch (error) {
      next(error);
    }
    await audit();
  },
  async 'awaits in its catch'(req: Request, res: Response, next: Next) {
    try {
      res.json(await load(req.params.id));
    } catch (error) {
      await audit();
      next(error);
    }
  },
  async 'throws again'(req: Request, res: Response) {
    try {
      res.json(await load(req.params.id));
    } catch (error) {
      throw new Error('not loaded', { cause: error });
    }
  },
  async 'has only a finally'(req: Request, res: Response) {
    try {
      res.json(await load(req.params.id));
    } finally {
      res.sendStatus(200);
    }
  },
  async 'reads a body that may be absent first'(req: Request, res: Response, next: Next) {
    const { name } = req.body;
    try {
      res.json(await load(name));
    } catch (error) {
      next(error);
    }
  },
  async 'has a try in a function that it defines'(_req: Request, res: Response, next: Next) {
    const work = async () => {
      try {
        await audit();
      } catch (error) {
        next(error);
      }
    };
    res.json(await work());
  },
  'has no body': async (_req: Request, res: Response) => res.json(await load('1')),
};

it.each(Object.entries(caught))('an async handler that %s has caught its errors', (_name, handler) => {
  expect(catchesItsErrors(handler)).toBe(true);
});

it.each(Object.entries(uncaught))('an async handler that %s may reject', (_name, handler) => {
  expect(catchesItsErrors(handler)).toBe(false);
});

it('a function of Node and a bound function may reject', () => {
  expect(catchesItsErrors(Math.max)).toBe(false);
  expect(catchesItsErrors((caught['passes the error on'] as () => unknown).bind(null))).toBe(false);
});
