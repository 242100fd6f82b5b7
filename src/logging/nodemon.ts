import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { attempt } from '../support/attempt.js';

interface Ancestor {
  readonly parent: number;
  readonly argv: readonly string[];
}

/** A shell, npm or a cluster may run between nodemon and this process. */
const mostAncestors = 8;

/** Returns the signal with which nodemon ends this process before a restart, or `undefined` where nodemon does not run. */
export function nodemonSignal(): string | undefined {
  let pid = process.ppid;
  for (let n = 0; n < mostAncestors && pid > 1; n++) {
    const ancestor = attempt(() => readProcess(pid));
    if (ancestor === undefined) return undefined;
    const { argv, parent } = ancestor;
    // Node runs it by its file, which a package manager links as `nodemon`
    if (argv.slice(0, 3).some((word) => /^nodemon(\.js)?$/.test(path.basename(word)))) return signalOf(argv);
    pid = parent;
  }
  return undefined;
}

/** The signal of the command line, of `nodemon.json` or of `package.json`, else the default of nodemon. */
function signalOf(argv: readonly string[]): string {
  const at = argv.findIndex((word) => word === '--signal' || word === '-s');
  const given = at < 0 ? undefined : argv[at + 1];
  return given ?? configured('nodemon.json') ?? configured('package.json', 'nodemonConfig') ?? 'SIGUSR2';
}

function configured(file: string, key?: string): string | undefined {
  const content = attempt(() => JSON.parse(readFileSync(file, 'utf8')));
  return (key === undefined ? content : content?.[key])?.signal;
}

function readProcess(pid: number): Ancestor {
  if (process.platform === 'linux') {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // the name of the program, in parentheses, may contain spaces
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    return { parent, argv: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') };
  }
  const [parent, ...argv] = execFileSync('ps', ['-o', 'ppid=,args=', '-p', String(pid)], {
    encoding: 'utf8',
    timeout: 1000,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
    .trim()
    .split(/\s+/);
  return { parent: Number(parent), argv };
}
