import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Program, type ProgramOptions, run } from './program.js';
import { get } from './serve.js';

const folders = new Set<string>();

/** An empty folder that `removeFolders` in `afterEach` takes away. */
export function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'cluster-'));
  folders.add(made);
  return made;
}

export function removeFolders(): void {
  for (const made of folders) rmSync(made, { recursive: true, force: true });
  folders.clear();
}

export interface ClusterProgram extends Program {
  /** The lines of the primary's log so far, parsed. */
  log(): Record<string, unknown>[];
  /** The first line of the log whose message matches. */
  logged(message: RegExp): Promise<Record<string, unknown>>;
  /** Resolves when that many lines of the log match. */
  times(message: RegExp, count: number): Promise<void>;
  url(): Promise<string>;
}

/** Runs a cluster whose control socket is in a folder of its own. */
export function runCluster(fixture: string, { env, ...options }: ProgramOptions = {}): ClusterProgram {
  const program = run(fixture, {
    ...options,
    env: { EXPRESS_PRODUCTIONIZE_RUNTIME_DIR: folder(), WEB_CONCURRENCY: '', ...env },
  });
  const parsed: Record<string, unknown>[] = [];
  let read = 0;
  const log = () => {
    for (; read < program.out.length; read++) {
      const line = program.out[read] as string;
      if (line.startsWith('{')) parsed.push(JSON.parse(line));
    }
    return parsed;
  };
  /** The line that matches for the given time. */
  const nth = async (message: RegExp, count: number): Promise<Record<string, unknown>> => {
    let found = 0;
    for (let at = 0; ; at++) {
      while (at >= log().length) await program.more();
      const line = parsed[at] as Record<string, unknown>;
      if (message.test(String(line.msg)) && ++found === count) return line;
    }
  };
  return {
    ...program,
    log,
    times: async (message, count) => void (await nth(message, count)),
    logged: (message) => nth(message, 1),
    url: async () => `http://127.0.0.1:${await program.port()}`,
  };
}

/** The fixture `cluster.mjs` with options of `runCluster` and of `productionize`. */
export function runFixture(
  clusterOptions: object,
  {
    app = {},
    express = 'express',
    ...options
  }: ProgramOptions & { app?: object | 'plain'; express?: string } = {},
): ClusterProgram {
  const appOptions = typeof app === 'string' ? app : JSON.stringify(app);
  return runCluster('cluster.mjs', {
    ...options,
    args: [express, JSON.stringify(clusterOptions), appOptions],
  });
}

/** Resolves when that many workers have become ready, since the start. */
export const ready = (program: ClusterProgram, workers: number) =>
  program.times(/^worker \d+ is ready/, workers);

/** The worker that answers next. */
export const pidOf = async (url: string): Promise<number> => JSON.parse((await get(url)).text).pid;
