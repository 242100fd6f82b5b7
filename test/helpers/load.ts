import { execFile as execFileWithCallback } from 'node:child_process';
import http from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const execFile = promisify(execFileWithCallback);

/** What clients saw while processes came and went. */
export interface LoadResult {
  readonly answered: number;
  readonly failures: readonly string[];
}

export interface Load {
  /** Resolves when that many more requests were answered. */
  answered(more: number): Promise<void>;
  stop(): Promise<LoadResult>;
}

/** Sends requests one after the other over a few connections, kept alive or a new one each, until it is stopped. */
export function steadyLoad(
  url: string,
  {
    keepAlive,
    clients = 3,
    pauseMs = 0,
    limitMs = 0,
  }: { keepAlive: boolean; clients?: number; pauseMs?: number; limitMs?: number },
): Load {
  const agent = keepAlive ? new http.Agent({ keepAlive: true, maxSockets: clients }) : undefined;
  const failures: string[] = [];
  let answered = 0;
  let stopped = false;
  const waiting = new Set<() => void>();
  const one = (): Promise<void> =>
    new Promise((resolve) => {
      const fail = (error: Error & { code?: string }): void => {
        failures.push(error.code ?? error.message);
        resolve();
      };
      const req = http.get(url, { agent: agent ?? false, timeout: limitMs }, (res) => {
        res.resume();
        res.once('error', fail);
        res.once('end', () => {
          if (res.statusCode === 200) answered++;
          else failures.push(`status ${res.statusCode}`);
          for (const check of waiting) check();
          resolve();
        });
      });
      req.once('error', fail);
      if (limitMs > 0) req.once('timeout', () => req.destroy(new Error('timeout')));
    });
  const loops = Array.from({ length: clients }, async () => {
    while (!stopped) {
      await one();
      if (pauseMs > 0) await delay(pauseMs);
    }
  });
  return {
    answered: (more) =>
      new Promise((resolve) => {
        const goal = answered + more;
        const check = (): void => {
          if (answered < goal) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
      }),
    async stop() {
      stopped = true;
      await Promise.all(loops);
      agent?.destroy();
      return { answered, failures };
    },
  };
}

/** The same by wrk, which pipelines nothing and opens a connection again when it is told to close one. */
export async function wrkLoad(url: string, seconds: number): Promise<LoadResult> {
  const { stdout } = await execFile('wrk', ['-t1', '-c4', `-d${seconds}s`, '--timeout', '5s', url]);
  const answered = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  const failures = [...stdout.matchAll(/(connect|read|write|timeout) (\d+)|(Non-2xx)[^:]*: (\d+)/g)]
    .map(([, kind, count, status, others]) => [kind ?? status, Number(count ?? others)] as const)
    .flatMap(([kind, count]) => Array<string>(count).fill(`wrk: ${kind}`));
  return { answered, failures };
}
