// An Express app whose every answer costs a fixed amount of CPU, in a process of its own.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Work that the optimizer cannot leave out. */
export function work(loops) {
  let x = 1;
  for (let i = 0; i < loops; i++) x = (Math.imul(x, 1664525) + 1013904223) | 0;
  return x;
}

/** How many loops of {@link work} this machine does in a millisecond. */
export function workPerMs() {
  const loops = 2e7;
  work(loops);
  const best = Math.min(
    ...Array.from({ length: 5 }, () => {
      const start = performance.now();
      work(loops);
      return performance.now() - start;
    }),
  );
  return loops / best;
}

export async function startServer(settings) {
  const child = fork(
    fileURLToPath(new URL('server-process.js', import.meta.url)),
    [JSON.stringify(settings)],
    {
      env: { ...process.env, NODE_ENV: 'production' },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    },
  );
  const [{ port }] = await once(child, 'message');
  return {
    origin: `http://127.0.0.1:${port}`,
    async state() {
      child.send('state');
      const [state] = await once(child, 'message');
      return state;
    },
    stop: () => child.kill('SIGKILL'),
  };
}
