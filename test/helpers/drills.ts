import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync, watch } from 'node:fs';
import path from 'node:path';
import { folder, removeFolders } from './clusters.js';
import { killAll, run } from './program.js';

/** For `afterEach`. */
export function cleanUp(): void {
  killAll();
  removeFolders();
}

export const drillProgram = path.join(__dirname, '../../dist/cli.js');
export const fixture = (name: string) => path.join(__dirname, '../fixtures/drill', name);

/** The environment under PM2 with a short `kill_timeout`: workers that do not drain are killed after a second. */
export const shortGrace = { pm_id: '0', kill_timeout: '1000' };

/** Starts a drill whose temporary files are in a separate directory. */
export const drill = (script: string, args: string[] = [], env: NodeJS.ProcessEnv = {}) =>
  traced(['drill', script, ...args], env);

/** Starts a command whose temporary files are in a separate directory. */
export function traced(args: string[], env: NodeJS.ProcessEnv = {}) {
  const dir = folder();
  const started = run(drillProgram, {
    args,
    env: { WEB_CONCURRENCY: '', TMPDIR: dir, NODE_ENV: undefined, ...env },
  });
  return {
    ...started,
    dir,
    /** Resolves with the exit code and the output, when all processes have exited and all files are removed. */
    async done() {
      const { code, signal } = await started.exit();
      expect(readdirSync(dir)).toEqual([]);
      await noProcessWith(dir);
      return { code, signal, out: started.out.join('\n'), err: started.err.join('\n') };
    },
    /** The processes of the app: all that were started with this directory, except the command. */
    pids: () => pidsWith(dir).filter((pid) => pid !== started.child.pid),
  };
}

/** Returns the processes whose environment contains the directory. */
function pidsWith(dir: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(dir) && readlinkSync(`/proc/${pid}/exe`);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Resolves when a process with the directory runs this program. It polls, as below. */
export async function runs(dir: string, program: string): Promise<void> {
  const isIt = (pid: number) => {
    try {
      return readlinkSync(`/proc/${pid}/exe`).endsWith(`/${program}`);
    } catch {
      // it has ended since it was listed
      return false;
    }
  };
  while (!pidsWith(dir).some(isIt)) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Resolves when the last of these processes has exited. It polls, because there is no event for processes of others. */
export async function noProcessWith(dir: string): Promise<void> {
  while (pidsWith(dir).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** The options for all kinds of traffic. */
export const all = ['--sse', '/events', '--websocket', '/ws', '--upload', '/upload'];
/** Resolves when the file exists. */
export async function appears(file: string): Promise<void> {
  const changes = watch(path.dirname(file));
  while (!existsSync(file)) await once(changes, 'change');
  changes.close();
}
