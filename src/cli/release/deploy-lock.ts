import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { CommandError } from '../command.js';

/** The exit code of `flock` when another process has the lock. */
const taken = 75;

/**
 * Runs `work` while this process has the lock of a target. The lock belongs to a child that ends when its input is closed,
 * so the kernel releases it also when this process is killed.
 */
export async function withLock<Result>(directory: string, work: () => Promise<Result>): Promise<Result> {
  const file = path.join(directory, '.deploy.lock');
  const args = [
    '--nonblock',
    '--conflict-exit-code',
    String(taken),
    file,
    'sh',
    '-c',
    'echo locked; exec cat',
  ];
  // Ctrl-C signals the whole group of processes, and this process may still need the lock
  const child = spawn('flock', args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const ended = once(child, 'exit');
  const started = await Promise.race([
    once(child.stdout, 'data').then(() => true),
    ended.then(([code]) => code as number),
  ]).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new CommandError('The program flock is missing. It is in the package util-linux.');
  });
  if (started === taken)
    throw new CommandError(`Another deployment to ${directory} is running. Nothing was changed.`);
  if (started !== true) throw new CommandError(`${directory} cannot be locked. Nothing was changed.`);
  try {
    return await work();
  } finally {
    child.stdin.end();
    await ended;
  }
}
