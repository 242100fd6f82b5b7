import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  afterwards,
  cleanUp,
  execFile,
  folder,
  freePort,
  installed,
  managedApp,
  pidAt,
  until,
} from '../helpers/daemons.js';
import { get } from '../helpers/serve.js';

let bin: string;

beforeAll(async () => {
  bin = await installed('forever', '4');
});
afterEach(cleanUp);

async function start() {
  const home = folder();
  const port = await freePort();
  const log = path.join(home, 'forever.log');
  const forever = (command: string, ...args: string[]) =>
    execFile(process.execPath, [bin, command, '-p', home, ...args], {
      env: { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '', PORT: String(port) },
    });
  afterwards(() => forever('stopall').catch(() => {}));
  await forever(
    'start',
    ...['--uid', 'web', '-l', log, '--append', '--killSignal', 'SIGTERM'],
    ...['--minUptime', '1', '--spinSleepTime', '1', managedApp],
  );
  const pid = await pidAt(port);
  return { forever, port, pid, log: () => readFileSync(log, 'utf8') };
}

it('crashes: the guilty request gets a 500, and forever starts the app again', async () => {
  const { port, pid, log } = await start();
  expect((await get(`http://127.0.0.1:${port}/crash`)).status).toBe(500);
  await pidAt(port, pid);
  await until(async () => log().includes('crashed as asked'));
});

it('stops by SIGTERM after the response to an open request, and stays stopped', async () => {
  const { forever, port, log } = await start();
  const slow = get(`http://127.0.0.1:${port}/slow/1000`);
  await until(async () => log().includes('arrived'));
  await forever('stop', 'web');
  expect(await slow).toMatchObject({ status: 200, text: 'slow' });
  await until(async () => log().includes('SIGTERM: exit 0'));
  await expect(get(`http://127.0.0.1:${port}/`)).rejects.toThrow('ECONNREFUSED');
});
