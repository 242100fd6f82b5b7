import process from 'node:process';
import { Worker } from 'node:worker_threads';

/** The process group, which the parent has made for this process. */
const group = process.platform === 'win32' ? process.pid : -process.pid;

/** Ends this process and its children when the parent has ended, even while the app blocks the event loop. */
export function endWithParent(pid: number): void {
  process.once('disconnect', () => process.kill(group, 'SIGKILL'));
  // listeners for `disconnect` would otherwise hold an app open that has nothing left to do
  process.channel?.unref();
  new Worker(`setInterval(() => { if (process.ppid !== ${pid}) process.kill(${group}, 'SIGKILL'); }, 500)`, {
    eval: true,
    execArgv: [],
    env: {},
  }).unref();
}
