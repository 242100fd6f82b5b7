import { readdirSync } from 'node:fs';
import path from 'node:path';
import { cleanUp, start } from '../helpers/cli.js';
import { folder, ready } from '../helpers/clusters.js';
import { get } from '../helpers/serve.js';

const app = path.join(__dirname, '../fixtures/profiled.cjs');
const has = (flag: string) => process.allowedNodeEnvironmentFlags.has(flag);
const permission = [
  // the name without `experimental` came with Node 22.13 and 23.5
  has('--permission') ? '--permission' : '--experimental-permission',
  ...['--allow-child-process', '--allow-fs-read=*', '--allow-fs-write=*'],
  ...(has('--allow-net') ? ['--allow-net'] : []),
];
const denied = `the permission model of Node denies the inspector in this worker${has('--allow-inspector') ? ': add --allow-inspector' : ''}`;

afterEach(cleanUp);

/** A cluster of one worker under options of Node, and what a command wrote. */
async function under(options: readonly string[]) {
  const running = start(app, ['-w', '1'], { NODE_OPTIONS: options.join(' ') });
  await ready(running.cluster, 1);
  const out = folder();
  const url = await running.cluster.url();
  return {
    async ask(...command: string[]) {
      const done = await running.ask(...command, '--out', out);
      expect((await get(url)).status).toBe(200);
      // commands leave no file of theirs beside the control socket
      expect(readdirSync(running.dir)).toEqual([expect.stringMatching(/\.sock$/)]);
      return { ...done, files: readdirSync(out) };
    },
  };
}

it.each([
  ['an open inspector', ['--inspect=0'], 'a debugger is open in this worker'],
  ['the permission model of Node', permission, denied],
])('profile states that %s prevents it, and the worker serves on', async (_what, options, reason) => {
  const { ask } = await under(options);
  for (const command of [[], ['heap'], ['--when-stalled']]) {
    expect(await ask('profile', ...command)).toEqual({
      code: 1,
      out: '',
      err: expect.stringMatching(new RegExp(`^worker 1 \\(pid \\d+\\): ${reason}\\n$`)),
      files: [],
    });
  }
  const snapshot = await ask('snapshot', '--yes', '--force');
  expect([snapshot.code, snapshot.files]).toEqual([0, [expect.stringMatching(/\.heapsnapshot$/)]]);
});

if (has('--allow-inspector')) {
  it('profile works under the permission model of Node with --allow-inspector', async () => {
    const { ask } = await under([...permission, '--allow-inspector']);
    const cpu = await ask('profile', '--seconds', '1');
    expect([cpu.code, cpu.err, cpu.files]).toEqual([0, '', [expect.stringMatching(/\.cpuprofile$/)]]);
    const stalled = await ask('profile', '--when-stalled', '--for', '1s', '--above', '60s');
    expect(stalled).toMatchObject({ code: 1, err: 'no event loop was blocked for 60000 ms within 1 s\n' });
  });
}
