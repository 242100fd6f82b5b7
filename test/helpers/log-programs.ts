import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { killAll } from './program.js';

export type Line = Record<string, unknown> & { msg?: string; n?: number; level: number; dropped?: number };

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'log-destination-'));
export const fixture = (name: string) => path.join(__dirname, '../fixtures', name);
const children: ReturnType<typeof spawn>[] = [];

let files = 0;
/** A name of no file yet. */
export const newPath = () => path.join(directory, `${files++}.log`);

export const readLines = (file: string) => parse(fs.readFileSync(file, 'utf8').split('\n').slice(0, -1));

export function parse(lines: string[]): Line[] {
  return lines.map((line) => JSON.parse(line) as Line);
}

/** How many lines are there, from number 0 on and without a gap. */
export function inOrder(lines: Line[]): number {
  const numbers = lines.flatMap(({ n }) => n ?? []);
  const gap = numbers.findIndex((n, index) => n !== index);
  return gap === -1 ? numbers.length : gap;
}

/** For `afterEach`. */
export function cleanUp(): void {
  killAll();
  for (const child of children.splice(0)) child.kill('SIGKILL');
}

/** For `afterAll`. */
export const removeFiles = () => fs.rmSync(directory, { recursive: true });

/** Starts a program whose stdout is read only on demand: a pipe, or the socket pair that Node's `spawn` makes. */
export function start(kind: string, name: string, ...args: string[]) {
  let reader: number | undefined;
  let writer: number | undefined;
  if (kind === 'pipe') {
    const fifo = newPath();
    execFileSync('mkfifo', [fifo]);
    reader = fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    writer = fs.openSync(fifo, 'w');
  }
  const child = spawn(process.execPath, [fixture(name), ...args], {
    stdio: ['ignore', writer ?? 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '' },
  });
  children.push(child);
  if (writer !== undefined) fs.closeSync(writer);
  const stdout = (
    reader === undefined ? child.stdout : new net.Socket({ fd: reader, writable: false })
  ) as net.Socket;
  stdout.pause();
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const lines: string[] = [];
  return {
    child,
    stdout,
    lines,
    /** All of stdout, parsed; resolves at its end. */
    async read(): Promise<Line[]> {
      for await (const line of createInterface({ input: stdout })) lines.push(line);
      return parse(lines);
    },
    /** Reads until a line matches. */
    async line(matches: (line: Line) => boolean): Promise<Line[]> {
      for await (const line of createInterface({ input: stdout })) {
        lines.push(line);
        if (matches(JSON.parse(line) as Line)) return parse(lines);
      }
      throw new Error(`stdout ended:\n${stderr}`);
    },
    async exit() {
      const [code, signal] = await once(child, 'close');
      return { code, signal, stderr };
    },
  };
}
