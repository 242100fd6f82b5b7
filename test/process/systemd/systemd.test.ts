import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gracefulShutdown } from '../../../src/index.js';
import { stopTimeoutMs } from '../../../src/process/orchestrator/systemd-unit.js';
import { inheritedSockets, notifySystemd } from '../../../src/process/systemd/index.js';
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

describe.each(['express4', 'express'])('sd_notify on %s', (EXPRESS) => {
  it('E49: by a descriptor: ready after readiness, beats, stopping with the time it needs', async () => {
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
  });
});

it('E49: without a descriptor by the program systemd-notify, in order', async () => {
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

it('E49: a systemd-notify that the signal to the whole group ends is started again', async () => {
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

it('E49: with neither nothing happens, nor in a part that is switched off', async () => {
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

it('E49: a beat for another process is not ours', async () => {
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

it('what was taken from the environment is put back by uninstall', async () => {
  const server = http.createServer().listen(0);
  await once(server, 'listening');
  process.env.NOTIFY_SOCKET = '/nowhere';
  process.env.WATCHDOG_USEC = '60000000000';
  try {
    const { uninstall } = gracefulShutdown(server, { ready: false });
    expect(process.env.NOTIFY_SOCKET).toBeUndefined();
    uninstall();
    expect(process.env).toMatchObject({ NOTIFY_SOCKET: '/nowhere', WATCHDOG_USEC: '60000000000' });
  } finally {
    delete process.env.NOTIFY_SOCKET;
    delete process.env.WATCHDOG_USEC;
    server.close();
  }
});

it('E8: drop-ins count, sorted by name, those of the stronger folder first', () => {
  const [strong, weak] = [path.join(home, 'etc'), path.join(home, 'usr')];
  const write = (file: string, line: string) => {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, `[Service]\n${line}\n`);
  };
  const grace = () => stopTimeoutMs([strong, weak], '0::/system.slice/web@1.service\n');
  write(path.join(weak, 'web@.service'), 'TimeoutStopSec=10');
  expect(grace()).toBe(10_000);
  write(path.join(weak, 'web@.service.d/10-own.conf'), 'TimeoutStopSec=20');
  expect(grace()).toBe(20_000);
  write(path.join(strong, 'web@.service.d/10-own.conf'), 'TimeoutStopSec=30');
  expect(grace()).toBe(30_000);
  write(path.join(strong, 'web@1.service.d/20-more.conf'), 'TimeoutStopSec=40');
  write(path.join(strong, 'web@1.service.d/30-none.txt'), 'TimeoutStopSec=50');
  expect(grace()).toBe(40_000);
  write(path.join(strong, 'web@1.service.d/40-never.conf'), 'TimeoutStopSec=infinity');
  expect(grace()).toBeUndefined();
});

it.each([{ STATUS: 'two\nlines' }, { 'MAIN PID': '1' }, { STATUS: 1 }, {}, null])(
  'notifySystemd refuses %j',
  (fields) => {
    expect(() => notifySystemd(fields as never)).toThrow(
      /notifySystemd: expected .*ERR_PRODUCTIONIZE_OPTION/,
    );
  },
);

it('notifySystemd and inheritedSockets say that nobody is there', () => {
  expect(notifySystemd({ STATUS: 'alone' })).toBe(false);
  expect(inheritedSockets()).toEqual([]);
});

/** Opens sockets at the descriptors from 3 on, as a service manager would, and becomes Node. */
const activated = (count: number) => [
  'perl',
  '-MIO::Socket::INET',
  '-e',
  `$^F = 99; for (1 .. ${count}) { push @s, IO::Socket::INET->new(Listen => 9, LocalAddr => "127.0.0.1") or die $! }
   $ENV{LISTEN_PID} = $$; $ENV{LISTEN_FDS} = ${count}; $ENV{PORTS} = join ",", map { $_->sockport } @s;
   $ENV{PORT} = $s[-1]->sockport if $ENV{PORT} eq "last"; exec @ARGV`,
];

describe.each([
  ['express4', '1'],
  ['express', '1'],
  ['express', '2'],
])('socket activation on %s with %s workers', (EXPRESS, WORKERS) => {
  it.each([
    ['E50: listens on the socket it is given, instead of the port', 1, '0', 0],
    ['E50: of several sockets takes the one of its port', 3, 'last', 2],
    ['E50: of several sockets takes the first, where none has its port', 2, '0', 0],
  ])('%s', async (_title, count, PORT, taken) => {
    const program = start({ command: activated(count), env: { EXPRESS, WORKERS, PORT } });
    const port = await program.port();
    if (WORKERS === '2') for (const id of [1, 2]) await program.line(new RegExp(`worker ${id} is ready`));
    const { text } = await get(`http://127.0.0.1:${port}/env`);
    const env = JSON.parse(text);
    expect(Number(env.PORTS.split(',')[taken])).toBe(port);
    expect(Object.keys(env).filter((name) => name.includes('LISTEN_'))).toEqual([]);
    program.child.kill('SIGTERM');
    expect(await program.exit()).toEqual({ code: 0, signal: null });
  });
});

it('E50: sockets for another process are left alone', async () => {
  const program = start({ env: { LISTEN_PID: '1', LISTEN_FDS: '1' } });
  expect((await get(`http://127.0.0.1:${await program.port()}/`)).status).toBe(200);
});

const asMain = ['sh', '-c', 'LISTEN_PID=$$ exec "$0" "$@"'];

it.each([
  ['abc', asMain],
  ['-1', asMain],
  ['1e9', asMain],
  ['99999999', asMain],
  ['1', asMain],
  ['1', ['env', 'LISTEN_PID=nobody']],
])('E50: LISTEN_FDS=%j with wrong variables is a clear error (%j)', async (LISTEN_FDS, command) => {
  const program = start({ command, env: { LISTEN_FDS } });
  expect(await program.exit()).toMatchObject({ code: 1 });
  expect([...program.out, ...program.err].join('\n')).toMatch(
    /Socket activation: expected .*ERR_PRODUCTIONIZE_LISTEN_FDS/,
  );
});

it('a cluster whose last worker took the inherited socket with it ends, to be given it again', async () => {
  const program = start({ command: activated(1), env: { WORKERS: '2' } });
  const port = await program.port();
  await program.line(/worker 1 is ready/);
  await program.line(/worker 2 is ready/);
  const pids = [...program.out.join('\n').matchAll(/"worker":\d+,"workerPid":(\d+)|"workerPid":(\d+)/g)].map(
    ([, a, b]) => Number(a ?? b),
  );
  expect(new Set(pids).size).toBe(2);
  for (const pid of new Set(pids)) process.kill(pid, 'SIGKILL');
  expect(await program.exit()).toEqual({ code: 1, signal: null });
  expect(program.out.join('\n')).toContain('the inherited socket was closed');
  expect(port).toBeGreaterThan(0);
});
