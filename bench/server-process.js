import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onSharedCore } from './one-core.js';

const host = fileURLToPath(new URL('host.js', import.meta.url));

/** Starts the server of a variant for a load, in a new process of the given Node, and waits until it listens. */
export async function startServer({ name, server, options, nodeEnv }, nodeBinary, load) {
  const [execPath, ...execArgv] = [...onSharedCore(load), nodeBinary];
  const child = fork(host, [JSON.stringify({ server, options, load })], {
    execPath,
    execArgv,
    // nothing of this shell reaches the servers: no DEBUG, no NODE_OPTIONS
    env: { PATH: process.env.PATH, NODE_ENV: nodeEnv },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let lastWords = '';
  child.stdout.resume();
  child.stderr.on('data', (chunk) => {
    lastWords = chunk.toString().slice(-2000);
  });
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`${name} ended with ${signal ?? `code ${code}`}\n${lastWords}`);
  });
  ended.catch(() => {});

  const reply = async () => {
    const [message] = await Promise.race([once(child, 'message'), ended]);
    return message;
  };
  const { port } = await reply();
  return {
    origin: `http://127.0.0.1:${port}`,
    /** Microseconds of CPU, user and system, that the process has used so far. */
    async cpu() {
      child.send('cpu');
      const { user, system } = await reply();
      return user + system;
    },
    async stop() {
      child.kill('SIGKILL');
      await ended.catch(() => {});
    },
  };
}
