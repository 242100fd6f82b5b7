import { expressNames } from '../../helpers/express-names.js';
import { killAll, type Program, run } from '../../helpers/program.js';
import { get } from '../../helpers/serve.js';

afterEach(killAll);

const option = (mode: string) => [`--unhandled-rejections=${mode}`];

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly origin?: string;
  readonly err?: { readonly message: string; readonly stack?: string };
}

/** The lines of uncaught errors: level, message, and the first line of the stack if there is one. */
const logged = (program: Program) =>
  program.out
    .map((line): Line => JSON.parse(line))
    .flatMap(({ level, msg, origin, err }) =>
      origin && err ? [[level, msg, err.stack?.split('\n')[0] ?? err.message]] : [],
    );

describe.each(expressNames)('a rejection without a handler on %s', (express) => {
  async function started(nodeArgs: string[], env: NodeJS.ProcessEnv = {}) {
    const program = run('rejection-listeners.mjs', { args: [express, 'never', ''], nodeArgs, env });
    return { program, url: `http://127.0.0.1:${await program.port()}/reject` };
  }

  it.each([[[]], [option('throw')], [option('strict')], [[...option('warn'), ...option('throw')]]])(
    'is logged, drains the process and ends it with code 1 under %j',
    async (nodeArgs) => {
      for (const reason of ['broken', 'text']) {
        const { program, url } = await started(nodeArgs);
        expect((await get(`${url}/${reason}`)).status).toBe(500);
        expect((await program.exit()).code).toBe(1);
        const text = expect.stringMatching(reason === 'text' ? /text/ : /^Error: broken$/);
        expect(logged(program)).toEqual([
          [50, 'uncaught error: draining', text],
          [60, 'the process exits after an uncaught error', text],
        ]);
      }
    },
  );

  it.each([
    ['none', option('none'), {}, 0, 0],
    ['warn', option('warn'), {}, 0, 2],
    ['warn', ['--unhandled-rejections', 'warn'], {}, 0, 2],
    ['none', [], { NODE_OPTIONS: '--no-deprecation "--unhandled-rejections=none"' }, 0, 0],
    ['warn-with-error-code', option('warn-with-error-code'), {}, 1, 0],
  ])(
    'is logged once and the process continues under %s %j %j',
    async (mode, nodeArgs, env, code, warnings) => {
      const { program, url } = await started(nodeArgs, env);
      for (const reason of ['broken', 'text']) expect((await get(`${url}/${reason}`)).status).toBe(202);
      program.child.kill('SIGTERM');
      expect((await program.exit()).code).toBe(code);
      const message = `unhandled rejection: the process continues, because of --unhandled-rejections=${mode}`;
      expect(logged(program)).toEqual([
        [50, message, 'Error: broken'],
        [50, message, 'text'],
      ]);
      const printed = program.err.filter((line) =>
        /PromiseRejectionWarning: (Error: broken|text)$/.test(line),
      );
      expect(printed).toHaveLength(warnings);
    },
  );
});
