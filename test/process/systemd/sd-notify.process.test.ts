import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expressNames } from '../../helpers/express-names.js';
import { itNeeds } from '../../helpers/needs.js';
import { killAll, type ProgramOptions, run } from '../../helpers/program.js';
import { get } from '../../helpers/serve.js';

let home: string;
const receivers: ReturnType<typeof spawn>[] = [];

beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'notify-'));
});
afterEach(() => {
  killAll();
  for (const receiver of receivers.splice(0)) receiver.kill('SIGKILL');
  rmSync(home, { recursive: true, force: true });
});

/** A datagram socket as the one of a service manager, and all it heard. */
async function receiver() {
  const socket = path.join(home, 'notify');
  const child = spawn('socat', ['-u', `UNIX-RECV:${socket}`, '-'], { stdio: ['ignore', 'pipe', 'inherit'] });
  receivers.push(child);
  let heard = '';
  const waiting = new Set<() => void>();
  child.stdout.on('data', (data) => {
    heard += data;
    for (const check of waiting) check();
  });
  const hears = (pattern: RegExp) =>
    new Promise<string>((resolve) => {
      const check = () => pattern.test(heard) && resolve(heard);
      waiting.add(check);
      check();
    });
  while (!existsSync(socket)) await new Promise(setImmediate);
  return { socket, hears, heard: () => heard };
}

/** A `systemd-notify` that writes down what it was told, and whose messages they were. */
function recorder(): { env: NodeJS.ProcessEnv; told(): string } {
  const file = path.join(home, 'told');
  const program = path.join(home, 'systemd-notify');
  writeFileSync(program, `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >> ${file}\n`);
  chmodSync(program, 0o755);
  return {
    env: { PATH: `${home}:${process.env.PATH}` },
    told: () => (existsSync(file) ? readFileSync(file, 'utf8') : ''),
  };
}

const connected = [
  'perl',
  '-MSocket',
  '-e',
  '$^F = 99; socket(S, AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0) && connect(S, sockaddr_un($ENV{NOTIFY_SOCKET})) || die $!; $ENV{EXPRESS_PRODUCTIONIZE_NOTIFY_FD} = fileno S; exec @ARGV',
];
const start = (options: ProgramOptions) => run('managed.mjs', options);

describe.each(expressNames)('sd_notify on %s', (EXPRESS) => {
  itNeeds('socat', 'perl')(
    'by a descriptor: ready after readiness, beats, stopping with the time it needs',
    async () => {
      const { socket, hears, heard } = await receiver();
      const program = start({
        command: connected,
        env: {
          ...recorder().env,
          EXPRESS,
          GATED: 'yes',
          NOTIFY_SOCKET: socket,
          WATCHDOG_USEC: '90000',
          OPTIONS: '{"gracefulShutdown":{"delayMs":0,"timeoutMs":7000}}',
        },
      });
      const port = await program.port();
      // the second beat comes while the health check still says no
      await hears(/(WATCHDOG=1){2}/);
      expect(heard()).not.toContain('READY');
      await get(`http://127.0.0.1:${port}/open`);
      await hears(new RegExp(`READY=1\nSTATUS=listening on port ${port}`));
      const { text } = await get(`http://127.0.0.1:${port}/env`);
      expect(text).not.toMatch(/NOTIFY_|WATCHDOG/);
      program.child.kill('SIGTERM');
      expect(await program.exit()).toEqual({ code: 0, signal: null });
      await hears(/STOPPING=1\nSTATUS=SIGTERM: draining\nEXTEND_TIMEOUT_USEC=8000000/);
      expect(heard().match(/READY/g)).toHaveLength(1);
    },
  );
});

it('without a descriptor by the program systemd-notify, in order', async () => {
  const { env, told } = recorder();
  const program = start({
    env: { ...env, NOTIFY_SOCKET: '/somewhere', OPTIONS: '{"gracefulShutdown":{"delayMs":500}}' },
  });
  const port = await program.port();
  while (!told().includes('READY')) await new Promise(setImmediate);
  program.child.kill('SIGTERM');
  await program.exit();
  // nobody waits for the program that tells it
  while (!told().includes('STOPPING')) await new Promise(setImmediate);
  expect(told()).toMatch(
    new RegExp(
      `^/somewhere READY=1 STATUS=listening on port ${port}\n/somewhere STOPPING=1 STATUS=SIGTERM: draining EXTEND_TIMEOUT_USEC=\\d+\n$`,
    ),
  );
});

it('a systemd-notify that the signal to the whole group ends is started again', async () => {
  const { env, told } = recorder();
  const program = path.join(home, 'systemd-notify');
  const script = readFileSync(program, 'utf8');
  const once = `[ -e ${home}/was ] || { touch ${home}/was; kill -TERM $$; sleep 9; }\n`;
  writeFileSync(
    program,
    script.replace('\n', () => `\n${once}`),
  );
  start({ env: { ...env, NOTIFY_SOCKET: '/somewhere' } });
  while (!told().includes('READY')) await new Promise(setImmediate);
  expect(existsSync(path.join(home, 'was'))).toBe(true);
});

it('with neither nothing happens, nor in a part that is switched off', async () => {
  const { env, told } = recorder();
  const programs = [
    start({ env: { ...env, NOTIFY_SOCKET: '', WATCHDOG_USEC: '90000' } }),
    start({ env: { ...env, NOTIFY_SOCKET: '/somewhere', OPTIONS: '{"gracefulShutdown":false}' } }),
  ];
  for (const program of programs) {
    await get(`http://127.0.0.1:${await program.port()}/`);
    program.child.kill('SIGTERM');
    await program.exit();
    expect(program.err.join('\n')).not.toContain('ERR_');
  }
  expect(told()).toBe('');
});

itNeeds('socat', 'perl')('a beat for another process is not ours', async () => {
  const { socket, hears, heard } = await receiver();
  const env = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '3000', WATCHDOG_PID: '1' };
  const program = start({ command: connected, env });
  await hears(/READY=1/);
  program.child.kill('SIGTERM');
  await hears(/STOPPING=1/);
  expect(heard()).not.toContain('WATCHDOG');
});

it.each([
  ['no number', 'three'],
  ['a standard stream', '1'],
  ['no open descriptor', '9999'],
])('a descriptor that is %s is named in a warning, and systemd-notify used', async (_what, value) => {
  const { env, told } = recorder();
  const program = start({
    env: { ...env, NOTIFY_SOCKET: '/somewhere', EXPRESS_PRODUCTIONIZE_NOTIFY_FD: value },
  });
  await program.line(new RegExp(`EXPRESS_PRODUCTIONIZE_NOTIFY_FD: expected .* got '${value}'`));
  while (!told().includes('READY')) await new Promise(setImmediate);
});

it('an app whose systemd-notify is missing serves, and warns once', async () => {
  const program = start({ env: { PATH: home, NOTIFY_SOCKET: '/somewhere' } });
  await program.line(/ERR_PRODUCTIONIZE_NOTIFY.*systemd-notify/);
  expect((await get(`http://127.0.0.1:${await program.port()}/`)).status).toBe(200);
});
