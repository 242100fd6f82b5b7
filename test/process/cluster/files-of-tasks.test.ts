import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { removeFilesOf } from '../../../src/process/cluster/worker-results.js';

let root: string;
let runtimeDir: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(path.join(tmpdir(), 'files-of-tasks-')));
  runtimeDir = path.join(root, 'runtime');
  mkdirSync(runtimeDir);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function request(file: unknown) {
  return { command: 'task', name: 'profile', argument: { file }, limitMs: 1000 } as const;
}

/** A directory with a file in it, as a client makes it. */
function directory(...names: string[]): string {
  const made = path.join(root, ...names);
  mkdirSync(made, { recursive: true });
  writeFileSync(path.join(made, 'profile'), 'x');
  return made;
}

describe('after its client was killed, a task', () => {
  it('removes the directory for its file, also by another path to it', () => {
    const made = directory('runtime', 'files-a');
    removeFilesOf(request(path.join(made, 'profile')), runtimeDir);
    expect(existsSync(made)).toBe(false);

    const again = directory('runtime', 'files-b');
    symlinkSync(runtimeDir, path.join(root, 'link'));
    removeFilesOf(request(path.join(root, 'link', 'files-b', 'profile')), runtimeDir);
    expect(existsSync(again)).toBe(false);
  });

  it.each([
    ['stands elsewhere', ['files-of-a-user']],
    ['stands deeper', ['runtime', 'files-a', 'files-b']],
    ['has another name', ['runtime', 'other']],
    ['is the one of the socket', ['runtime']],
  ])('leaves a directory that %s', (_, names) => {
    const made = directory(...names);
    removeFilesOf(request(path.join(made, 'profile')), runtimeDir);
    expect(existsSync(path.join(made, 'profile'))).toBe(true);
  });

  it('leaves what a link leads to', () => {
    const made = directory('files-of-a-user');
    symlinkSync(made, path.join(runtimeDir, 'files-a'));
    removeFilesOf(request(path.join(runtimeDir, 'files-a', 'profile')), runtimeDir);
    expect(existsSync(path.join(made, 'profile'))).toBe(true);
  });

  it.each([undefined, null, 1, '', 'files-a', '/', {}])('has no directory for the file %p', (file) => {
    const made = directory('runtime', 'files-a');
    removeFilesOf(request(file), runtimeDir);
    expect(existsSync(made)).toBe(true);
  });
});
