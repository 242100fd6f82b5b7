import { spawn } from 'node:child_process';
import { writeSync } from 'node:fs';
import { once } from '../../support/attachment.js';
import { attempt } from '../../support/attempt.js';
import { debugFor } from '../../support/debug.js';
import { quote, warnOnce } from '../../support/errors.js';
import { fileStats } from '../../support/file-stats.js';
import { unobserved } from '../../support/unobserved.js';

const debug = debugFor('systemd');

/** The variable with the number of a datagram descriptor that is connected to the socket of the service manager. */
export const notifyDescriptorVariable = 'EXPRESS_PRODUCTIONIZE_NOTIFY_FD';

const helperLimitMs = 5000;
const mostKills = 3;

type Env = Readonly<Record<string, string | undefined>>;

/** Sends messages of sd_notify(3) to the service manager in order. A lost message is not an error. */
export interface NotifyLink {
  send(message: string): void;
}

/** Whether the environment contains a socket or descriptor of the service manager. */
export function isNotified(env: Env): boolean {
  return Boolean(env.NOTIFY_SOCKET || env[notifyDescriptorVariable]);
}

/**
 * Opens the link to the service manager. Node cannot open a datagram socket of the Unix domain, but it can write to an
 * inherited one. Such a write costs one system call, and the message carries the id of this process. Without an
 * inherited socket, the program `systemd-notify` sends each message.
 */
export function openLink(env: Env): NotifyLink | undefined {
  const socket = env.NOTIFY_SOCKET;
  const helper = socket ? helperLink({ ...env }) : undefined;
  const descriptor = env[notifyDescriptorVariable];
  if (!descriptor) return helper;
  const fd = descriptorOf(descriptor);
  if (fd !== undefined) return descriptorLink(fd, helper);
  warnOnce(
    'ERR_PRODUCTIONIZE_NOTIFY',
    `${notifyDescriptorVariable}: expected the number of an inherited socket, got ${quote(descriptor)}.${helper ? ' The program systemd-notify is used instead.' : ''}`,
  );
  return helper;
}

/** Parses the number of an inherited socket; `undefined` for the standard streams and for other descriptors. */
export function descriptorOf(text: string): number | undefined {
  if (!/^\d{1,6}$/.test(text) || Number(text) < 3) return undefined;
  return attempt(() => (unobserved(() => fileStats(Number(text))?.isSocket()) ? Number(text) : undefined));
}

function descriptorLink(fd: number, helper: NotifyLink | undefined): NotifyLink {
  let broken = false;
  return {
    send(message) {
      if (broken) {
        helper?.send(message);
        return;
      }
      try {
        unobserved(() => writeSync(fd, message));
      } catch (error) {
        debug(() => ['descriptor %d: %o', fd, error]);
        // a full queue is temporary; other errors are permanent
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return;
        broken = true;
        helper?.send(message);
      }
    },
  };
}

function helperLink(env: NodeJS.ProcessEnv): NotifyLink {
  let running = false;
  let failed = false;
  let killed = 0;
  const waiting: string[] = [];

  const next = (): void => {
    const message = waiting.shift();
    running = message !== undefined;
    if (message === undefined) return;
    const child = spawn('systemd-notify', message.split('\n'), {
      env,
      stdio: 'ignore',
      timeout: helperLimitMs,
      killSignal: 'SIGKILL',
    });
    child.unref();
    const done = once((problem: string | undefined): void => {
      if (problem !== undefined) fail(problem);
      next();
    });
    child.once('error', (error) => done(error.message));
    child.once('exit', (code, signal) => {
      // a SIGTERM for the whole process group also ends the helper that sends STOPPING=1
      const again = signal === 'SIGTERM' && killed < mostKills;
      killed = again ? killed + 1 : 0;
      if (again) waiting.unshift(message);
      done(again || code === 0 ? undefined : `it ended with ${signal ?? code}`);
    });
  };
  const fail = (problem: string): void => {
    failed = true;
    warnOnce(
      'ERR_PRODUCTIONIZE_NOTIFY',
      `The service manager waits for messages, and the program systemd-notify could not send one: ${problem}. Install systemd, or hand a connected socket to this process by ${notifyDescriptorVariable}.`,
    );
  };
  return {
    send(message) {
      // a second heartbeat in the queue is redundant
      if (waiting.includes(message) || (failed && waiting.length > 8)) return;
      waiting.push(message);
      if (!running) next();
    },
  };
}
