import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

export interface Program {
  readonly child: ChildProcess;
  /** Lines of stdout and stderr so far. */
  readonly out: string[];
  readonly err: string[];
  /** The first line of either stream that matches; it may have been printed already. */
  line(pattern: RegExp): Promise<string>;
  /** Resolves with the next line of either stream; rejects when the program has ended. */
  more(): Promise<void>;
  /** The port in the line `listening on <port>`, printed to stderr by the fixture. */
  port(): Promise<number>;
  exit(): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

export interface ProgramOptions {
  readonly args?: string[];
  readonly nodeArgs?: string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Whether it has a channel to the test, as a manager that forked it would have. */
  readonly ipc?: boolean;
  /** What runs node instead of the test itself. */
  readonly command?: readonly string[];
  /** Runs it in a process group of its own, to be signalled as a whole. */
  readonly group?: boolean;
  /** Runs it in a terminal of its own, which is typed in through stdin. */
  readonly terminal?: boolean;
  /** Whether the file is an executable, which Node does not run. */
  readonly executable?: boolean;
}

const running = new Set<ChildProcess>();

/** Runs a program of `test/fixtures` in a process of its own, on the Node that runs the test. */
export function run(
  fixture: string,
  {
    args = [],
    nodeArgs = [],
    env = {},
    cwd,
    command = [],
    ipc = false,
    group = false,
    terminal = false,
    executable = false,
  }: ProgramOptions = {},
): Program {
  const file = path.isAbsolute(fixture) ? fixture : path.join(__dirname, '../fixtures', fixture);
  const node = executable ? [] : [process.execPath, ...nodeArgs];
  const words = [...command, ...node, file, ...args];
  const [binary, ...rest] = terminal ? inTerminal(words) : words;
  const child = spawn(binary as string, rest, {
    cwd,
    env: { ...process.env, NODE_ENV: 'production', DEBUG: '', NODE_OPTIONS: '', ...env },
    stdio: [terminal ? 'pipe' : 'ignore', 'pipe', 'pipe', ...(ipc ? (['ipc'] as const) : [])],
    detached: group,
  });
  running.add(child);
  const closed = once(child, 'close').then(([code, signal]) => {
    running.delete(child);
    return { code, signal };
  });
  const out: string[] = [];
  const err: string[] = [];
  const watchers = new Set<() => void>();
  const collect = (stream: NodeJS.ReadableStream, lines: string[]) =>
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      for (const watch of watchers) watch();
    });
  collect(child.stdout as NodeJS.ReadableStream, out);
  collect(child.stderr as NodeJS.ReadableStream, err);

  const program: Program = {
    child,
    out,
    err,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const watch = () => {
          const found = [...out, ...err].find((line) => pattern.test(line));
          if (found === undefined) return;
          watchers.delete(watch);
          resolve(found);
        };
        watchers.add(watch);
        watch();
        void closed.then(() =>
          reject(new Error(`no line ${pattern} from ${fixture}:\n${[...out, ...err].join('\n')}`)),
        );
      }),
    more: () =>
      new Promise((resolve, reject) => {
        const watch = () => {
          watchers.delete(watch);
          resolve();
        };
        watchers.add(watch);
        void closed.then(() => reject(new Error(`${fixture} ended:\n${[...out, ...err].join('\n')}`)));
      }),
    port: async () => Number(/listening on (\d+)/.exec(await program.line(/listening on \d+/))?.[1]),
    exit: () => closed,
  };
  return program;
}

function inTerminal(words: readonly string[]): string[] {
  const quoted = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  return ['script', '-qefc', `exec ${quoted}`, '/dev/null'];
}

/** Ends what a test left running; for `afterEach`. */
export function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}
