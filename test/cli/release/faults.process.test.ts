import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { encodeHeader } from '../../../src/cli/release/archive-format.js';
import { cleanUp, cli } from '../../helpers/cli.js';
import { folder } from '../../helpers/clusters.js';
import { describeNeeds, itNeeds } from '../../helpers/needs.js';
import { apps, emptyTarget, pack, project, releaseOf, type Target } from '../../helpers/releases.js';

afterEach(cleanUp);

const releasesOf = (target: Target): string[] => readdirSync(path.join(target.directory, 'releases'));

/** The bytes of an archive with further entries in front. */
function withEntry(archive: Buffer, name: string, type: '0' | '2' | '6', link = ''): Buffer {
  const header = encodeHeader({ path: name, type, size: 0, executable: false, link }, 0);
  return gzipSync(Buffer.concat([header, gunzipSync(archive)]));
}

describeNeeds('flock')('an archive that is refused leaves the target unchanged', () => {
  let good: Buffer;
  beforeEach(async () => {
    good = readFileSync(await releaseOf(apps.silent));
  });

  it.each<[string, (archive: Buffer) => Buffer, RegExp]>([
    ['truncated', (archive) => archive.subarray(0, archive.length - 20), /is truncated or damaged/],
    ['no archive', () => Buffer.from('text'), /is truncated or damaged/],
    [
      'changed',
      (archive) =>
        gzipSync(Buffer.from(gunzipSync(archive).toString('latin1').replace('1000', '2000'), 'latin1')),
      /are not those that were packed/,
    ],
    [
      'with an entry above it',
      (archive) => withEntry(archive, '../../evil', '0'),
      /path out of the release: "\.\.\/\.\.\/evil"/,
    ],
    ['with an absolute path', (archive) => withEntry(archive, '/tmp/evil', '0'), /path out of the release/],
    [
      'with a link out of it',
      (archive) => withEntry(archive, 'evil', '2', '/etc'),
      /The link "evil" leads out of the release/,
    ],
    [
      'with a file in a link',
      (archive) => withEntry(withEntry(archive, 'evil/passwd', '0'), 'evil', '2', '/etc'),
      /EEXIST/,
    ],
    [
      'with a link in a link',
      (archive) => withEntry(withEntry(archive, 'a/b', '2', 'c'), 'a', '2', '..'),
      /path through a link: "a\/b"/,
    ],
    ['with a pipe', (archive) => withEntry(archive, 'pipe', '6'), /unsupported type: "pipe"/],
  ])('%s', async (_what, change, message) => {
    const target = emptyTarget();
    const file = path.join(folder(), 'release.tgz');
    writeFileSync(file, change(good));
    const done = await target.release('deploy', file);
    expect(done).toMatchObject({ code: 1, out: '', err: expect.stringMatching(message) });
    expect(done.err).toContain('Nothing was changed.');
    expect(releasesOf(target)).toEqual([]);
    expect(existsSync(path.join(target.directory, 'current'))).toBe(false);
  });
});

itNeeds('flock')(
  'an archive with names of any length and character is unpacked as it was packed',
  async () => {
    const directory = project(apps.silent);
    const names = ['ü.txt', `${'long/'.repeat(30)}${'n'.repeat(120)}`, 'new\nline'];
    for (const name of names) {
      mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
      writeFileSync(path.join(directory, name), name, { mode: 0o755 });
    }
    symlinkSync('ü.txt', path.join(directory, 'link'));
    const target = emptyTarget();
    expect(await target.json('deploy', await pack(directory))).toMatchObject({ ok: true });
    const current = path.join(target.directory, 'current');
    for (const name of names) expect(readFileSync(path.join(current, name), 'utf8')).toBe(name);
    expect(readFileSync(path.join(current, 'link'), 'utf8')).toBe('ü.txt');
  },
);

itNeeds('flock')('a directory whose file was changed after the pack is refused', async () => {
  const release = await releaseOf(apps.silent, '1.0.0', '--directory');
  truncateSync(path.join(release, 'app.mjs'), 3);
  expect(await emptyTarget().release('deploy', release)).toMatchObject({
    code: 1,
    err: expect.stringMatching(/are not those that were packed/),
  });
});

describeNeeds('flock')('the lock of a target', () => {
  it('refuses a second deployment, and ends with a process that is killed', async () => {
    const target = emptyTarget();
    const release = await releaseOf(apps.silent);
    const began = path.join(folder(), 'began');
    const program = path.join(__dirname, '../../../dist/cli.js');
    const args = [
      program,
      'release',
      'deploy',
      target.directory,
      release,
      '--reload-command',
      `echo > ${began}; exec sleep 60`,
    ];
    const first = spawn(process.execPath, args, { stdio: 'ignore', detached: true });
    while (!existsSync(began)) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await target.release('deploy', release)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/Another deployment to .* is running\. Nothing was changed\./),
    });
    const gone = once(first, 'exit');
    process.kill(-(first.pid as number), 'SIGKILL');
    await gone;
    expect((await target.json<object[]>('list'))[0]).toMatchObject({ state: 'starting', current: true });
    expect(await target.json('deploy', release)).toMatchObject({ ok: true });
  });
});

itNeeds('flock')('SIGTERM while a deployment waits moves the link back', async () => {
  const target = emptyTarget();
  const first = await target.json('deploy', await releaseOf(apps.silent));
  const second = await releaseOf(apps.silent, '2.0.0');
  const began = path.join(folder(), 'began');
  const program = path.join(__dirname, '../../../dist/cli.js');
  const reload = `[ -e ${began} ] || { echo > ${began}; exec sleep 60; }`;
  const args = [program, 'release', 'deploy', target.directory, second, '--json', '--reload-command', reload];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  while (!existsSync(began)) await new Promise((resolve) => setTimeout(resolve, 20));
  const closed = once(child, 'close');
  process.kill(-(child.pid as number), 'SIGTERM');
  await closed;
  expect(JSON.parse(Buffer.concat(output).toString())).toMatchObject({ ok: false, current: first.id });
});

describeNeeds('git')('what is in a release', () => {
  it('files that git tracks, without secrets, and what --include names', async () => {
    const directory = project(apps.silent);
    const git = (...args: string[]) =>
      once(spawn('git', ['-C', directory, ...args], { stdio: 'ignore' }), 'exit');
    for (const name of ['.env', '.env.example', 'tls.key', 'built.js', '.npmrc'])
      writeFileSync(path.join(directory, name), name);
    await git('init');
    await git('add', '-f', 'app.mjs', 'package.json', '.env', '.env.example', 'tls.key', '.npmrc');
    const files = (release: string) => readdirSync(release).sort();
    const always = ['.env.example', '.release.json', 'app.mjs', 'package.json'];
    expect(files(await pack(directory, '--directory'))).toEqual(always);
    expect(files(await pack(directory, '--directory', '--include', 'built.js,.env'))).toEqual(
      [...always, '.env', 'built.js'].sort(),
    );
    await git('rm', '--cached', 'app.mjs');
    const script = path.join(directory, 'app.mjs');
    expect(await cli(['release', 'pack', script, '--out', folder(), '--offline'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/app\.mjs is not in the release, because git does not track it/),
    });
  });
});

it('the packages of the lock file are installed without development dependencies and without the prepare script', async () => {
  const directory = folder();
  const write = (name: string, content: object) => {
    mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
    writeFileSync(path.join(directory, name), JSON.stringify(content));
  };
  write('package.json', {
    name: 'web',
    main: 'app.js',
    scripts: { prepare: 'exit 1' },
    dependencies: { needed: 'file:needed' },
    devDependencies: { tool: 'file:tool' },
  });
  write('needed/package.json', { name: 'needed', version: '1.0.0' });
  write('tool/package.json', { name: 'tool', version: '1.0.0' });
  writeFileSync(path.join(directory, 'app.js'), '');
  const options = ['release', 'pack', path.join(directory, 'app.js'), '--directory', '--out', folder()];
  expect(await cli(options)).toMatchObject({ code: 1, err: expect.stringMatching(/There is no lock file/) });
  const lock = spawn('npm', ['install', '--package-lock-only', '--offline', '--ignore-scripts'], {
    cwd: directory,
  });
  await once(lock, 'exit');
  const { code, out } = await cli(options);
  expect(code).toBe(0);
  const release = out.trim();
  const installed = readdirSync(path.join(release, 'node_modules')).filter((name) => !name.startsWith('.'));
  expect(installed).toEqual(['needed']);
  expect(JSON.parse(readFileSync(path.join(release, 'package.json'), 'utf8')).scripts).toEqual({
    prepare: 'exit 1',
  });
});

itNeeds('flock')('entries of shared are linked into a release', async () => {
  const target = emptyTarget();
  mkdirSync(path.join(target.directory, 'shared'), { recursive: true });
  writeFileSync(path.join(target.directory, 'shared/.env'), 'A=1');
  await target.release('deploy', await releaseOf(apps.silent));
  expect(readFileSync(path.join(target.directory, 'current/.env'), 'utf8')).toBe('A=1');
});
