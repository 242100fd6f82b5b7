// Servers that are programs of their own.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ticksPerSecond = 100;

/** A folder for a program's files. */
export function folderFor(name) {
  return mkdtemp(path.join(tmpdir(), `bench-${name}-`));
}

export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts a program that listens on a port, and ends with this process, however that ends. */
export async function startDaemon(port, command, ...args) {
  const daemon = spawn('setpriv', ['--pdeathsig', 'KILL', command, ...args], { stdio: 'inherit' });
  await listening(port);
  return {
    listening: true,
    address: () => ({ port }),
    cpuUsage: () => sum([daemon.pid, ...childrenOf(daemon.pid)].map(cpuOf)),
  };
}

/** Microseconds of CPU of a process, by the kernel's count of ticks. */
function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  const micros = (ticks) => (Number(ticks) * 1e6) / ticksPerSecond;
  return { user: micros(fields[11]), system: micros(fields[12]) };
}

function childrenOf(pid) {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
}

function sum(usages) {
  return usages.reduce((a, b) => ({ user: a.user + b.user, system: a.system + b.system }));
}

async function listening(port) {
  for (;;) {
    const socket = net.connect(port, '127.0.0.1');
    const isOpen = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await sleep(20);
  }
}
