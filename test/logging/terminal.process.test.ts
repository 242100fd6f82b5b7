import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { itNeeds } from '../helpers/needs.js';
import { killAll, run } from '../helpers/program.js';

let directory: string;

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'terminal-'));
});
afterEach(() => {
  killAll();
  fs.rmSync(directory, { recursive: true });
});

const env = { NODE_ENV: 'development', NO_COLOR: '1' };
const isJson = (line: string) => line.startsWith('{');

describe('the log of an app', () => {
  itNeeds('script')('is readable on a terminal outside production', async () => {
    const program = run('log-terminal.mjs', { terminal: true, cwd: directory, env });
    await program.exit();
    expect(program.out.some(isJson)).toBe(false);
    const text = program.out.join('\n');
    expect(text).toMatch(/^\d\d:\d\d:\d\d\.\d{3} INFO GET \/areas\/7 200 [\d.]+ ms reqId=/m);
    expect(text).toMatch(
      /ERROR GET \/areas\/7\/broken 500 .*\r?\n {4}Error: the database is down\r?\n {8}at /,
    );
  });

  itNeeds('script')('is printed by pino-pretty where the app has it installed', async () => {
    fs.symlinkSync(path.join(__dirname, '../../node_modules'), path.join(directory, 'node_modules'));
    const program = run('log-terminal.mjs', { terminal: true, cwd: directory, env });
    await program.exit();
    expect(program.out.join('\n')).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: GET \/areas\/:id 200 \{/m);
  });

  itNeeds('script')('stays JSON on a terminal in production', async () => {
    const program = run('log-terminal.mjs', { terminal: true, cwd: directory });
    await program.exit();
    expect(program.out.filter(isJson).length).toBeGreaterThanOrEqual(4);
  });

  it('stays JSON on a pipe outside production', async () => {
    const program = run('log-terminal.mjs', { cwd: directory, env });
    await program.exit();
    expect(program.out.filter(isJson).length).toBeGreaterThanOrEqual(4);
  });

  it('goes to the file that `destination` names, complete when the process ends', async () => {
    const FILE = path.join(directory, 'app.log');
    const program = run('log-terminal.mjs', { cwd: directory, env: { FILE } });
    expect(await program.exit()).toEqual({ code: 0, signal: null });
    const lines = fs
      .readFileSync(FILE, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).msg);
    expect(lines).toEqual([
      'GET /areas/:id 200',
      'GET /areas/:id/broken 500',
      'SIGTERM: draining',
      'SIGTERM: exit 0',
    ]);
    expect(program.out.filter(isJson)).toEqual([]);
  });
});
