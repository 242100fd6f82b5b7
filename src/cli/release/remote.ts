import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { shellWord } from '../../deploy/shell-word.js';
import { CommandError } from '../command.js';
import { unpackArchive } from './archive-reader.js';
import { archiveOf } from './archive-writer.js';
import { verifiedManifest } from './release-hash.js';
import type { RemoteTarget } from './remote-target.js';
import { programOf } from './started-cluster.js';

/** No prompt: a deployment must not wait for a password that no one types. */
export const sshOptions = ['-o', 'BatchMode=yes'];
export const program = 'node_modules/express-productionize/dist/cli.js';

export const words = (...all: readonly string[]): string => all.map(shellWord).join(' ');

/** Runs a command on the host, and passes its output on. Returns its exit code. */
async function onHost({ destination }: RemoteTarget, command: string): Promise<number> {
  const child = spawn('ssh', [...sshOptions, '--', destination, command], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code === 255 || code === null) throw new CommandError(`ssh to ${destination} failed.`);
  return code;
}

/** Runs an action with the program of the current release on the host. */
export function runCurrent(
  remote: RemoteTarget,
  node: string,
  action: 'rollback' | 'list',
  flags: readonly string[],
): Promise<number> {
  const file = `${remote.directory}/current/${program}`;
  return onHost(remote, words(node, file, 'release', action, remote.directory, ...flags));
}

/** Copies a release to the host, and deploys it there with the program of the release. */
export async function deployRemotely(
  remote: RemoteTarget,
  node: string,
  source: string,
  flags: readonly string[],
): Promise<number> {
  const work = mkdtempSync(path.join(os.tmpdir(), 'release-'));
  try {
    let release = source;
    if (!statSync(source).isDirectory()) {
      await unpackArchive(source, work);
      release = work;
    }
    const { id, time } = verifiedManifest(release);
    if (programOf(release) === undefined) {
      throw new CommandError(
        'The release has no express-productionize, which runs on the host. Add it to the dependencies of the project.',
      );
    }
    const incoming = `${remote.directory}/incoming/${id}-${randomBytes(4).toString('hex')}`;
    await transfer(remote, release, incoming, new Date(time));
    const deploy = words(
      node,
      `${incoming}/${program}`,
      'release',
      'deploy',
      remote.directory,
      incoming,
      ...flags,
    );
    return await onHost(remote, `${deploy}; code=$?; ${words('rm', '-rf', incoming)}; exit $code`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function transfer(remote: RemoteTarget, release: string, incoming: string, time: Date): Promise<void> {
  // what an interrupted transfer has left is removed a day later
  const clean = `find ${words(`${remote.directory}/incoming`)} -mindepth 1 -maxdepth 1 -mtime +0 -exec rm -rf {} +`;
  const prepare = `umask 022; mkdir -p ${words(incoming)} && { ${clean}; command -v rsync || echo missing; }`;
  const child = spawn('ssh', [...sshOptions, '--', remote.destination, prepare], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (code !== 0)
    throw new CommandError(
      `${remote.destination}: ${remote.directory} cannot be prepared. Nothing was changed.`,
    );
  const sent = !output.includes('missing') && (await sendByRsync(remote, release, incoming));
  if (!sent) await sendByTar(remote, release, incoming, time);
}

/** Returns false where there is no rsync on this machine. */
async function sendByRsync(remote: RemoteTarget, release: string, incoming: string): Promise<boolean> {
  const ssh = ['ssh', ...sshOptions].join(' ');
  // -s: the shell of the host does not read the path; -O: the time of the directory is that of the transfer
  const args = ['-rlptzsO', '-e', ssh, '--', `${release}/`, `${remote.rsyncDestination}:${incoming}/`];
  const child = spawn('rsync', args, { stdio: ['ignore', 2, 2] });
  const code = await once(child, 'exit').then(
    ([code]) => code as number | null,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    },
  );
  if (code === undefined) return false;
  if (code !== 0) throw new CommandError(`rsync to ${remote.destination} failed. Nothing was changed.`);
  return true;
}

async function sendByTar(remote: RemoteTarget, release: string, incoming: string, time: Date): Promise<void> {
  const unpack = `umask 022; ${words('tar', '-xzf', '-', '-C', incoming)}`;
  const args = [...sshOptions, '--', remote.destination, unpack];
  const child = spawn('ssh', args, { stdio: ['pipe', 'inherit', 'inherit'] });
  const ended = once(child, 'exit');
  // a host that ends early has printed the reason
  await pipeline(archiveOf(release, time), child.stdin).catch(() => {});
  const [code] = await ended;
  if (code !== 0) throw new CommandError(`tar on ${remote.destination} failed. Nothing was changed.`);
}
