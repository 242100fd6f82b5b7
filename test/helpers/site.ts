import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const made = new Set<string>();

export interface Site {
  readonly root: string;
  /** The absolute path of a file below the root. */
  at(name: string): string;
  write(name: string, content: string | Uint8Array): void;
}

/** A folder with files, to be served. `removeSites` in `afterEach` takes them down. */
export function makeSite(files: Record<string, string | Uint8Array> = {}): Site {
  const parent = fs.realpathSync(fs.mkdtempSync(path.join(tmpdir(), 'site-')));
  made.add(parent);
  const root = path.join(parent, 'public');
  const at = (name: string) => path.join(root, name);
  const write = (name: string, content: string | Uint8Array) => {
    fs.mkdirSync(path.dirname(at(name)), { recursive: true });
    fs.writeFileSync(at(name), content);
  };
  fs.mkdirSync(root);
  for (const [name, content] of Object.entries(files)) write(name, content);
  return { root, at, write };
}

export function removeSites(): void {
  for (const folder of made) fs.rmSync(folder, { recursive: true, force: true });
  made.clear();
}

/** Lets files that were just written count as left alone for long. */
export function letFilesRest(): void {
  const now = Date.now.bind(Date);
  jest.spyOn(Date, 'now').mockImplementation(() => now() + 60_000);
}

type Functions = Record<string, (...args: unknown[]) => unknown>;

/** Names and paths of the calls of `fs` from now on, those of the module loader left out. */
export function watchFs(): string[] {
  const calls: string[] = [];
  const watch = (api: Functions, prefix: string) => {
    for (const [name, original] of Object.entries(api)) {
      if (typeof original !== 'function' || /^[A-Z_]/.test(name)) continue;
      jest.spyOn(api, name).mockImplementation(function (this: unknown, ...args: unknown[]) {
        if (!/node_modules|\/src\//.test(String(args[0]))) calls.push(`${prefix}${name} ${String(args[0])}`);
        return original.apply(this, args);
      });
    }
  };
  watch(fs as unknown as Functions, '');
  watch(fs.promises as unknown as Functions, 'promises.');
  return calls;
}

/** How many descriptors of this process are open on files below a folder. */
export function openBelow(folder: string): number {
  return fs.readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
    } catch {
      return false;
    }
  }).length;
}

/** Turns the event loop until something holds; the test's own limit ends what never does. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
