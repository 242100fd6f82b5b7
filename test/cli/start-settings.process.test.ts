import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { app, cleanUp, cli, program, start } from '../helpers/cli.js';
import { folder, ready, runCluster } from '../helpers/clusters.js';
import { get } from '../helpers/serve.js';

afterEach(cleanUp);

const express = `require('node:module').createRequire(${JSON.stringify(__filename)})('express')()`;
const listen = `const server = app.listen(0, '127.0.0.1', () => console.error('listening on ' + server.address().port));`;

/** An app whose first line stands before `express()` is called. */
function write(directory: string, { first = '', body = 'process.env.NODE_ENV' } = {}): string {
  const file = path.join(directory, 'app.cjs');
  writeFileSync(
    file,
    `${first}; const app = ${express}; app.get('/', (req, res) => res.send(String(${body}))); ${listen}`,
  );
  return file;
}

const body = async (cluster: { url(): Promise<string> }) => (await get(await cluster.url())).text;

describe('NODE_ENV of start', () => {
  // dotenv sets what the environment has not
  const dotenv = "if (!Object.hasOwn(process.env, 'NODE_ENV')) process.env.NODE_ENV = 'staging'";

  it.each([
    ['production where nothing sets it', '', undefined, 'production'],
    ['the value of the .env file of the app', dotenv, undefined, 'staging'],
    ['the value of the environment, before that of the file', dotenv, 'test', 'test'],
  ])('is %s, also in the children of the app', async (_, first, given, expected) => {
    const child =
      "require('node:child_process').execFileSync(process.execPath, ['-p', 'process.env.NODE_ENV'])";
    const seen = `[process.env.NODE_ENV, String(${child}).trim()]`;
    const { cluster } = start(write(folder(), { first, body: seen }), ['-w', '1'], { NODE_ENV: given });
    expect(await body(cluster)).toBe(`${expected},${expected}`);
  });
});

it('what start adds does not reach the children of the app', async () => {
  const seen =
    '[process.execArgv, Object.keys(process.env).filter((name) => /_(PRIMARY|CONFIG)$/.test(name))]';
  // as `fork` does
  const child = `require('node:child_process').execFileSync(process.execPath, [...process.execArgv, '-p', ${JSON.stringify(`JSON.stringify(${seen})`)}])`;
  const { cluster } = start(write(folder(), { body: child }), ['-w', '1']);
  expect(JSON.parse(await body(cluster))).toEqual([['-p', expect.any(String)], []]);
});

it('started by npm, a cluster is warned about and ends with npm', async () => {
  const directory = folder();
  const script = `${process.execPath} ${program} start ${app('listen.cjs')} -w 2 --runtime-dir ${directory}`;
  // the shell stands for npm, which does not wait for its script
  const cluster = runCluster(path.join(__dirname, '../fixtures/start/listen.cjs'), {
    command: ['sh', '-c', `${script} & wait`, '--'],
    env: { npm_lifecycle_event: 'start', npm_lifecycle_script: script },
  });
  expect(await cluster.line(/ERR_PRODUCTIONIZE_NPM_START/)).toContain('Start node itself');
  await ready(cluster, 2);
  cluster.child.kill('SIGKILL');
  await cluster.logged(/^cluster: all workers exited/);
  expect(await cluster.logged(/draining 2 workers/)).toMatchObject({ reason: 'the package manager is gone' });
});

it('reload starts the release that a link points to, also where it is the working directory', async () => {
  const directory = folder();
  for (const release of ['1', '2']) {
    mkdirSync(path.join(directory, release));
    write(path.join(directory, release), {
      body: "require('node:path').basename(__dirname) + ' in ' + require('node:path').basename(process.cwd())",
    });
  }
  const current = path.join(directory, 'current');
  const link = (release: string) => {
    symlinkSync(release, path.join(directory, 'next'));
    renameSync(path.join(directory, 'next'), current);
  };
  link('1');
  const runtime = folder();
  const cluster = runCluster(program, {
    args: ['start', 'app.cjs', '-w', '1', '--runtime-dir', runtime],
    cwd: current,
    env: { PWD: current },
  });
  await ready(cluster, 1);
  expect(await body(cluster)).toBe('1 in 1');
  link('2');
  expect(await cli(['reload', '--runtime-dir', runtime])).toMatchObject({ code: 0 });
  const port = cluster.err
    .filter((line) => line.startsWith('listening on '))
    .at(-1)
    ?.slice(13);
  expect((await get(`http://127.0.0.1:${port}`)).text).toBe('2 in 2');
});

describe('--config', () => {
  const options = { requestContext: { requestIdHeader: 'x-correlation-id' } };

  it.each([
    ['a JSON file', 'options.json', JSON.stringify(options)],
    ['a CommonJS module', 'options.cjs', `module.exports = ${JSON.stringify(options)}`],
  ])('reads the options of productionize from %s', async (_, name, text) => {
    const directory = folder();
    writeFileSync(path.join(directory, name), text);
    const { cluster } = start(app('listen.cjs'), ['-w', '1', '--config', path.join(directory, name)]);
    const response = await get(await cluster.url());
    expect(response.headers).toHaveProperty('x-correlation-id');
  });

  it('passes a middleware of the app from a CommonJS module', async () => {
    const file = path.join(folder(), 'options.cjs');
    writeFileSync(
      file,
      'module.exports = { requestLogger(req, res, next) { res.set("x-logged", req.path); next(); } }',
    );
    const { cluster } = start(app('listen.cjs'), ['-w', '1', '--config', file]);
    expect((await get(await cluster.url())).headers).toHaveProperty('x-logged', '/');
  });

  it('is the key `productionize` of package.json by default', async () => {
    const directory = folder();
    writeFileSync(path.join(directory, 'package.json'), JSON.stringify({ productionize: options }));
    const { cluster } = start(write(directory), ['-w', '1']);
    expect((await get(await cluster.url())).headers).toHaveProperty('x-correlation-id');
  });

  it('is checked like options in code: start fails with the message', async () => {
    const file = path.join(folder(), 'options.json');
    writeFileSync(file, '{ "compresion": false }');
    const { cluster } = start(app('listen.cjs'), ['-w', '2', '--config', file]);
    expect((await cluster.exit()).code).toBe(1);
    expect(cluster.log().at(-1)?.msg).toMatch(/the app cannot start.*unknown option 'compresion'/);
  });

  it('that is no JSON is a wrong argument', async () => {
    const file = path.join(folder(), 'options.json');
    writeFileSync(file, '{');
    const done = await cli(['drill', app('listen.cjs'), '--config', file]);
    expect(done).toMatchObject({ code: 2, err: expect.stringContaining(`${file}: `) });
  });
});

it('--name names a cluster for status and the other commands, and --json prints their results', async () => {
  const { cluster, ask } = start(app('listen.cjs'), ['-w', '1', '--name', 'web']);
  await ready(cluster, 1);
  expect((await ask('status')).out).toMatch(new RegExp(`^cluster web \\(${cluster.child.pid}\\)  `));
  expect(await ask('stop', '--name', 'api')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^No cluster of \S+ with the name "api" is running\. Start one: /),
  });
  const scaled = await ask('scale', 'max', '--name', 'web', '--json');
  expect(JSON.parse(scaled.out)).toMatchObject({ ok: true, status: { name: 'web' } });
  const none = await ask('reload', '--name', 'api', '--json');
  expect([none.code, JSON.parse(none.out)]).toMatchObject([1, { ok: false }]);
});

describe('start on a terminal', () => {
  const onTerminal = (...options: string[]) =>
    runCluster(program, {
      args: [
        'start',
        write(folder(), { body: "Object.keys(process.env).filter((key) => key.endsWith('_LOG'))" }),
        '-w',
        '1',
        '--no-control',
        ...options,
      ],
      // pino-pretty is not installed there
      cwd: folder(),
      terminal: true,
      env: { NO_COLOR: '1' },
    });

  it('prints the address, the workers and the parts, and then readable lines of each worker', async () => {
    const cluster = onTerminal();
    const summary = await cluster.line(/app\.cjs {2}http:/);
    expect(summary).toMatch(/ {2}app\.cjs {2}http:\/\/127\.0\.0\.1:\d+/);
    expect(await cluster.line(/1 worker, /)).toMatch(/1 worker, primary \d+, NODE_ENV production/);
    expect(await cluster.line(/^ {2}on: /)).toContain('requestLogger');
    const url = /http:\S+/.exec(summary)?.[0] as string;
    expect((await get(url)).text).toBe('');
    expect(await cluster.line(/GET \/ 200/)).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} INFO GET \/ 200 [\d.]+ ms reqId=/,
    );
    process.kill(Number(/primary (\d+)/.exec(cluster.out.join('\n'))?.[1]), 'SIGHUP');
    expect(await cluster.line(/replaced/)).not.toMatch(/^\{/);
    await get(`${url}/after`);
    expect(await cluster.line(/GET \/after 404/)).not.toMatch(/^\{/);
  });

  it('prints JSON lines only with --json', async () => {
    const cluster = onTerminal('--json');
    const listening = await cluster.line(/listening on \d+/);
    await get(`http://127.0.0.1:${/\d+/.exec(listening)?.[0]}`);
    expect(JSON.parse(await cluster.line(/GET \/ 200/))).toMatchObject({ status: 200 });
    expect(cluster.out.join('\n')).not.toContain('1 worker, ');
  });
});
