import { itNeeds } from '../../helpers/needs.js';
import { killAll, type ProgramOptions, run } from '../../helpers/program.js';
import { get } from '../../helpers/serve.js';

afterEach(killAll);

const start = (options: ProgramOptions) => run('managed.mjs', options);

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
  itNeeds('perl').each([
    ['listens on the socket it is given, instead of the port', 1, '0', 0],
    ['of several sockets takes the one of its port', 3, 'last', 2],
    ['of several sockets takes the first, where none has its port', 2, '0', 0],
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

it('sockets for another process are not used', async () => {
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
])('LISTEN_FDS=%j with wrong variables is a clear error (%j)', async (LISTEN_FDS, command) => {
  const program = start({ command, env: { LISTEN_FDS } });
  expect(await program.exit()).toMatchObject({ code: 1 });
  expect([...program.out, ...program.err].join('\n')).toMatch(
    /Socket activation: expected .*ERR_PRODUCTIONIZE_LISTEN_FDS/,
  );
});

itNeeds('perl')(
  'a cluster whose last worker took the inherited socket with it ends, to be given it again',
  async () => {
    const program = start({ command: activated(1), env: { WORKERS: '2' } });
    const port = await program.port();
    await program.line(/worker 1 is ready/);
    await program.line(/worker 2 is ready/);
    const pids = [
      ...program.out.join('\n').matchAll(/"worker":\d+,"workerPid":(\d+)|"workerPid":(\d+)/g),
    ].map(([, a, b]) => Number(a ?? b));
    expect(new Set(pids).size).toBe(2);
    for (const pid of new Set(pids)) process.kill(pid, 'SIGKILL');
    expect(await program.exit()).toEqual({ code: 1, signal: null });
    expect(program.out.join('\n')).toContain('the inherited socket was closed');
    expect(port).toBeGreaterThan(0);
  },
);
