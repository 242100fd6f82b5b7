import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(__dirname, '..');

const ready = {
  'package.json': JSON.stringify({
    name: 'released',
    version: '1.2.3',
    type: 'module',
    repository: { type: 'git', url: 'git+ssh://git@example.invalid/released.git' },
    homepage: 'https://example.invalid/released',
    bugs: { url: 'https://example.invalid/released/issues' },
  }),
  'CHANGELOG.md': '# Changelog\n\n## 1.2.3\n\n### Added\n\n- Something.\n',
  '.gitignore': 'called/\n',
  '.ci/run': 'mkdir -p called; echo gate >>called/log\n',
};

/** What the script prints and calls in a repository of these files, with an npm that only writes down its arguments. */
function release(files: Partial<typeof ready> = {}, args: string[] = [], untracked?: string) {
  const copy = mkdtempSync(path.join(tmpdir(), 'release-'));
  try {
    const write = (file: string, text: string, mode?: number) => {
      mkdirSync(path.dirname(path.join(copy, file)), { recursive: true });
      writeFileSync(path.join(copy, file), text, { mode });
    };
    for (const [file, text] of Object.entries({ ...ready, ...files })) write(file, text);
    cpSync(path.join(root, 'scripts/release.js'), path.join(copy, 'scripts/release.js'));
    const env = {
      PATH: `${path.join(copy, 'called/bin')}${path.delimiter}${process.env.PATH}`,
      HOME: copy,
      GIT_CONFIG_NOSYSTEM: '1',
    };
    const git = (...command: string[]) => execFileSync('git', command, { cwd: copy, env });
    git('init', '--quiet');
    git('add', '--all');
    git('-c', 'user.name=x', '-c', 'user.email=x@example.invalid', 'commit', '--quiet', '--message=x');
    write('called/bin/npm', '#!/bin/sh\necho npm "$@" >>called/log\n', 0o755);
    if (untracked !== undefined) write(untracked, '');
    const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/release.js', ...args], {
      cwd: copy,
      env,
      encoding: 'utf8',
    });
    const log = path.join(copy, 'called/log');
    const called = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
    return { status, stdout, stderr, called };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function without(...names: string[]): string {
  const manifest = JSON.parse(ready['package.json']) as Record<string, unknown>;
  for (const name of names) delete manifest[name];
  return JSON.stringify(manifest);
}

describe('the release script', () => {
  it('runs the gate, and publishes nothing without --publish', () => {
    const { status, stdout, called } = release();
    expect(called).toEqual(['gate', 'npm publish --dry-run']);
    expect(stdout).toContain('Nothing was published');
    expect(status).toBe(0);
  });

  it('publishes with --publish, after the gate', () => {
    const { status, called } = release({}, ['--publish']);
    expect(called).toEqual(['gate', 'npm publish']);
    expect(status).toBe(0);
  });

  it.each(['repository', 'homepage', 'bugs'])('refuses without `%s`', (name) => {
    const { status, stderr, called } = release({ 'package.json': without(name) }, ['--publish']);
    expect(stderr).toBe(`release: package.json has no \`${name}\`: the publisher has to give one.\n`);
    expect([status, called]).toEqual([1, []]);
  });

  it('refuses where a file is not committed, and names it', () => {
    const { status, stderr, called } = release({}, ['--publish'], 'left.txt');
    expect(stderr).toBe('release: The work tree is not clean:\n?? left.txt\n');
    expect([status, called]).toEqual([1, []]);
  });

  it('refuses where the changelog has no section for the version', () => {
    const { status, stderr, called } = release({ 'CHANGELOG.md': '# Changelog\n\n## 1.2.30\n' }, [
      '--publish',
    ]);
    expect(stderr).toBe('release: CHANGELOG.md has no section `## 1.2.3`.\n');
    expect([status, called]).toEqual([1, []]);
  });

  it('refuses where the gate fails', () => {
    const { status, stderr, called } = release({ '.ci/run': `${ready['.ci/run']}exit 1\n` }, ['--publish']);
    expect(stderr).toBe('release: The gate, `bash .ci/run`, did not pass.\n');
    expect([status, called]).toEqual([1, ['gate']]);
  });

  it('names all that is missing in one message', () => {
    const { stderr } = release({ 'package.json': without('bugs', 'homepage'), 'CHANGELOG.md': '' });
    expect(stderr.match(/^release: /gm)).toHaveLength(3);
  });

  it('has no option that skips the gate', () => {
    const { status, stderr, called } = release({}, ['--publish', '--gate-passed']);
    expect(stderr).toContain('The only option is --publish.');
    expect([status, called]).toEqual([1, []]);
  });
});
