import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { exitCodes } from '../command.js';
import { programFile } from '../own-files.js';
import { sshOptions } from '../release/remote.js';
import { type Host, programOn } from './host.js';

/** ssh notices within 15 seconds that a host is gone. */
const aliveOptions = [
  '-o',
  'ConnectTimeout=10',
  '-o',
  'ServerAliveInterval=5',
  '-o',
  'ServerAliveCountMax=2',
];

/** A command that runs on a host. */
export interface HostProcess {
  readonly child: ChildProcess;
  /** Resolves with its exit code when it has ended, and with `null` where it was killed. */
  readonly ended: Promise<number | null>;
  /** The line of its stderr that states why it failed. */
  reason(code?: number | null): string;
  kill(): void;
}

/** Starts this program on a host, by the user's own ssh. */
export function startOn(host: Host, node: string, args: readonly string[]): HostProcess {
  const { remote, inDirectory } = host;
  const [command, words] =
    remote === undefined
      ? [process.execPath, [programFile, ...args]]
      : [
          'ssh',
          [
            ...sshOptions,
            ...aliveOptions,
            '--',
            remote.destination,
            programOn({ remote, inDirectory }, node, args),
          ],
        ];
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const seen: { first?: string; last?: string; error?: string } = {};
  createInterface({ input: child.stderr }).on('line', (line) => {
    seen.first ??= line;
    if (line !== '') seen.last = line;
    if (/^\w*Error\b/.test(line)) seen.error ??= line;
  });
  return {
    child,
    ended: once(child, 'close').then(([code]) => code as number | null),
    // a trace follows the message of an error, and the usage follows what is wrong with it
    reason: (code) => seen.error ?? (code === exitCodes.usage ? seen.first : seen.last) ?? '',
    kill: () => void child.kill('SIGKILL'),
  };
}
