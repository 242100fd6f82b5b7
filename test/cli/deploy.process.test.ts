import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cleanUp, cli, program } from '../helpers/cli.js';
import { hasEnded } from '../helpers/ended-process.js';

const fixture = (name: string) => path.join(__dirname, '../fixtures/deploy', name);
const script = fixture('app.cjs');
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'deploy-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
  cleanUp();
});

it('facts prints the facts with the corrections of the flags', async () => {
  const flags = ['--workers', '3', '--memory', '512M', '--event-streams', '/a,/b', '--body-limit', '100K'];
  const { code, out, err } = await cli(['deploy', 'facts', script, ...flags, '--web-sockets', '/live']);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(JSON.parse(out)).toMatchObject({
    port: 8080,
    workers: 3,
    memoryBytes: 512 * 2 ** 20,
    eventStreamPaths: ['/a', '/b'],
    webSocketPaths: ['/live'],
    bodyLimitBytes: 102_400,
  });
});

it('a file is printed, and its first comment is the command that prints the same file again', async () => {
  const first = await cli(['deploy', 'procfile', script, '--workers', '3', '--', 'express4']);
  expect(first.code).toBe(0);
  const [, command = ''] = /^# Written by npx express-productionize (.*)\n/.exec(first.out) ?? [];
  expect(command).toBe(`deploy procfile ${script} --workers=3 -- express4`);
  expect((await cli(command.split(' '))).out).toBe(first.out);
});

it('--out writes files, and replaces files of others with --force only', async () => {
  const file = path.join(directory, 'inner/Procfile');
  const write = (...flags: string[]) =>
    cli(['deploy', 'procfile', script, '--out', path.dirname(file), ...flags]);
  expect(await write()).toMatchObject({ code: 0, out: `written: ${file}\n` });
  expect(await write('--workers', '2')).toMatchObject({ code: 0 });
  expect(readFileSync(file, 'utf8')).toContain('--workers 2');
  writeFileSync(file, 'web: mine\n');
  expect(await write()).toMatchObject({
    code: 2,
    err: expect.stringMatching(/exists and was not written by this command\. --force replaces it/),
  });
  expect(readFileSync(file, 'utf8')).toBe('web: mine\n');
  expect(await write('--force')).toMatchObject({ code: 0 });
  expect(readFileSync(file, 'utf8')).toMatch(/^# Written by/);
});

it('--json prints the facts, the files and the advice, which else goes to stderr', async () => {
  const app = fixture('app.mjs');
  const { out } = await cli(['deploy', 'procfile', app, '--json']);
  expect(JSON.parse(out)).toEqual({
    target: 'procfile',
    facts: expect.objectContaining({ port: 3456 }),
    files: [{ name: 'Procfile', text: expect.stringMatching(/^web: /m) }],
    advice: [expect.stringMatching(/listen on process\.env\.PORT/)],
  });
  expect((await cli(['deploy', 'procfile', app])).err).toMatch(/^advice: .*PORT/);
});

it('an app that ends is exit code 1 with its last output', async () => {
  const { code, out, err } = await cli(['deploy', 'facts', fixture('ends.cjs'), '--', 'crash']);
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(err).toMatch(/ended with exit code 3 before it listened\. Its last output:\n\nthe last words\n/);
});

it.each(['never', 'blocks'])('the app (%s) ends when deploy is killed', async (doing) => {
  const pidFile = path.join(directory, 'pid');
  const preload = path.join(directory, 'pid.cjs');
  writeFileSync(
    preload,
    `const { writeFileSync, renameSync } = require('node:fs');
if (process.argv[1]?.endsWith('ends.cjs')) {
  writeFileSync(${JSON.stringify(`${pidFile}.new`)}, String(process.pid));
  renameSync(${JSON.stringify(`${pidFile}.new`)}, ${JSON.stringify(pidFile)});
}`,
  );
  const deploy = spawn(
    process.execPath,
    ['--require', preload, program, 'deploy', 'facts', fixture('ends.cjs'), '--', doing],
    { stdio: 'ignore', env: { ...process.env, NODE_OPTIONS: '' } },
  );
  const pid = Number(await until(() => readFileSync(pidFile, 'utf8')));
  deploy.kill('SIGKILL');
  await until(() => hasEnded(pid));
});

/** Calls a function again and again until it neither throws nor returns a false value. */
async function until<Value>(read: () => Value): Promise<Value> {
  for (;;) {
    try {
      const value = read();
      if (value) return value;
    } catch {
      // not yet
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}
