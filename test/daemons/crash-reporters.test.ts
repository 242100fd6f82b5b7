import { startCollector } from '../helpers/collector.js';
import { installed } from '../helpers/installed.js';
import { killAll, run } from '../helpers/program.js';

afterEach(killAll);

/** The reporters, with the packages that their guides install. */
const reporters: Record<string, readonly [name: string, version: string, ...others: string[]] | undefined> = {
  '@sentry/node': ['@sentry/node', '11.12.0'],
  '@bugsnag/js': ['@bugsnag/js', '9.0.0', '@bugsnag/plugin-express@9.0.0'],
  rollbar: ['rollbar', '3.1.0'],
  'an async listener of the app': undefined,
};
/** They listen for rejections, too, so that Node does not end the process. */
const packages = Object.keys(reporters).filter((name) => reporters[name]);
const uncaught: [name: string, kind: string][] = [
  ...Object.keys(reporters).map((name): [string, string] => [name, 'exception']),
  ['an async listener of the app', 'rejection'],
];
const message = 'outside the handler';

async function startApp(reporter: string, version: string, kind: string, way: string) {
  const express = installed('express', version);
  const needed = reporters[reporter];
  const collector = await startCollector();
  const url = `http://127.0.0.1:${collector.port}`;
  const args = [reporter, express, needed ? installed(...needed) : express, url, kind, way];
  const program = run('crash-reporters/app.cjs', { args });
  /** The messages of our lines with the error, without the line of the request. */
  const logged = () =>
    program.out
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line))
      .filter(({ err, origin }) => err?.message === message && origin !== undefined)
      .map(({ msg }) => msg);
  const reports = () => collector.sent.filter(({ body }) => body.includes(message)).length;
  return { program, collector, logged, reports };
}

const ended = ['uncaught error: draining', 'the process exits after an uncaught error'];

describe.each([
  ['Express 4', '4.22.3'],
  ['Express 5', '5.3.0'],
] as const)('%s', (_name, version) => {
  it.each(uncaught)(
    '%s sends one report of an uncaught %s before the process exits 1',
    async (name, kind) => {
      for (const way of ['before', 'after']) {
        const { program, collector, logged, reports } = await startApp(name, version, kind, way);
        await program.line(/"msg":"uncaught error: draining"/);
        const failed = performance.now();
        const { code } = await program.exit();
        collector.close();
        expect({ way, code, reports: reports(), logged: logged() }).toEqual({
          way,
          code: 1,
          reports: 1,
          logged: ended,
        });
        expect(program.out).toContain('status 500');
        // the default of reportMs is the limit
        expect(performance.now() - failed).toBeLessThan(4000);
      }
    },
  );

  it.each(packages)(
    '%s sends one report of a rejection, which is logged once, and the app runs on',
    async (name) => {
      for (const way of ['nowhere', 'before', 'after']) {
        const { program, collector, logged, reports } = await startApp(name, version, 'rejection', way);
        await collector.until(() => reports() > 0);
        if (way !== 'nowhere') await program.line(/left to a listener of the app/);
        expect(program.child.exitCode).toBe(null);
        program.child.kill('SIGKILL');
        await program.exit();
        collector.close();
        expect(reports()).toBe(1);
        const line = 'unhandled rejection: left to a listener of the app';
        expect(logged()).toEqual(way === 'nowhere' ? [] : [line]);
      }
    },
  );
});
