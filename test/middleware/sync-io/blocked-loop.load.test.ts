import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { outDirectory, removeBundles } from '../../helpers/bundles.js';
import { killAll, run } from '../../helpers/program.js';
import { get } from '../../helpers/serve.js';

afterEach(killAll);
afterAll(removeBundles);
const development = { NODE_ENV: 'development' };

describe('the watch of the event loop', () => {
  const fixture = path.join(__dirname, '../../fixtures/blocked-loop.mjs');

  async function start(nodeArgs: string[] = [], file = fixture) {
    const program = run(file, { env: development, nodeArgs });
    const url = `http://127.0.0.1:${await program.port()}`;
    await program.line(/^turned$/);
    return { program, url };
  }

  /** Blocks the loop until that is reported. From then on the thread that watches is known to run. */
  async function reported({ program, url }: Awaited<ReturnType<typeof start>>) {
    const file = path.join(os.tmpdir(), `sync-io-release-${process.pid}`);
    const answer = get(`${url}/until/${encodeURIComponent(file)}`);
    const line = await program.line(/Event loop blocked.*GET \/until\/:file/);
    fs.writeFileSync(file, '');
    const { text, headers } = await answer;
    fs.rmSync(file);
    expect(JSON.parse(text)).toEqual({ released: true });
    expect(line).toContain(`request ${headers['x-request-id']}`);
  }

  async function quit({ program, url }: Awaited<ReturnType<typeof start>>) {
    const { text } = await get(`${url}/quit`);
    expect(await program.exit()).toEqual({ code: 0, signal: null });
    return JSON.parse(text);
  }

  it('reports request, route and frames while the loop is blocked by JavaScript', async () => {
    const running = await start();
    await reported(running);
    await running.program.line(/at spinUntil \(.*blocked-loop\.mjs:\d+:\d+\)/);
    const blocks = JSON.parse((await get(`${running.url}/blocks`)).text);
    expect(blocks).toContainEqual(expect.objectContaining({ method: 'GET', route: '/until/:file' }));
    await quit(running);
  });

  it('attributes a regular expression that backtracks to its request', async () => {
    const running = await start();
    await reported(running);
    await get(`${running.url}/redos`);
    await running.program.line(/Event loop blocked.*GET \/redos/);
    await running.program.line(/at .*blocked-loop\.mjs/);
    await quit(running);
  });

  it.each([{}, { keepNames: true }])('works in a minified bundle, %j', async (names) => {
    const outfile = path.join(outDirectory(), 'out.cjs');
    const options = { bundle: true, minify: true, platform: 'node', logLevel: 'silent' } as const;
    await build({ entryPoints: [fixture], outfile, ...options, ...names });
    const running = await start([], outfile);
    await reported(running);
    await running.program.line(/at .*out\.cjs/);
    await quit(running);
  });

  it.each(['exec', 'pbkdf2'])('marks the native block of /%s', async (route) => {
    const running = await start();
    await reported(running);
    await get(`${running.url}/${route}`);
    await running.program.line(
      /Event loop blocked.* by native code, see the findings about synchronous calls/,
    );
    await quit(running);
  });

  it('is off while a debugger is open, and states the reason', async () => {
    const running = await start(['--inspect=127.0.0.1:0']);
    await running.program.line(/A blocked event loop is not watched: a debugger is open/);
    running.program.child.kill();
    await running.program.exit();
  });

  it('does not touch NodeTracing', async () => {
    const running = await start();
    expect(await quit(running)).toEqual({ categories: null });
  });
});
