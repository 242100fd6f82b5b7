import { execFile } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import express from 'express';
import { type PrecompressOptions, precompress, staticFiles } from '../../../src/index.js';
import type { Encoding } from '../../../src/support/encoding/encoders.js';
import { accept, decoded, decoders, noise, prose } from '../../helpers/encoding.js';
import { killAll, run } from '../../helpers/program.js';
import { closeAll, get, serve } from '../../helpers/serve.js';
import { makeSite, openBelow, removeSites, type Site } from '../../helpers/site.js';

afterEach(async () => {
  jest.restoreAllMocks();
  killAll();
  await closeAll();
  removeSites();
});

const cli = path.join(__dirname, '../../../dist/cli.js');
const known = Object.keys(decoders);
const extensions: Record<string, string> = { br: '.br', gzip: '.gz', zstd: '.zst' };

/** Names below a folder, sorted; links are not followed. */
function names(root: string, below = ''): string[] {
  return fs
    .readdirSync(path.join(root, below), { withFileTypes: true })
    .flatMap((entry) => {
      const name = path.join(below, entry.name);
      return entry.isDirectory() ? names(root, name) : [name];
    })
    .sort();
}

const withSiblings = (...originals: string[]) =>
  originals.flatMap((name) => known.map((encoding) => name + extensions[encoding]));

interface Done {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command to its end. */
function command(args: string[], before: string[] = []): Promise<Done> {
  const [binary, ...rest] = [...before, process.execPath, cli, 'precompress', ...args];
  return new Promise((resolve) => {
    const env = { ...process.env, NODE_OPTIONS: '' };
    execFile(binary as string, rest, { env }, (error, out, err) => {
      resolve({ code: Number(error?.code ?? 0), out, err });
    });
  });
}

describe('precompress', () => {
  it('writes a sibling in each encoding, with the time of its original, that decodes to it', async () => {
    const site = makeSite({ 'app.js': prose, 'sub/deep/style.css': prose.repeat(3) });
    const report = await precompress(site.root);
    expect(report).toMatchObject({
      files: 2,
      bytes: prose.length * 4,
      written: 2 * known.length,
      upToDate: 0,
      notSmaller: 0,
      removed: 0,
      failed: [],
    });
    expect(names(site.root)).toEqual(
      [
        '.precompressed.json',
        'app.js',
        'sub/deep/style.css',
        ...withSiblings('app.js', 'sub/deep/style.css'),
      ].sort(),
    );
    for (const encoding of known) {
      const file = site.at(`app.js${extensions[encoding]}`);
      expect(decoders[encoding]?.(fs.readFileSync(file)).toString()).toBe(prose);
      const [copy, original] = [fs.statSync(file), fs.statSync(site.at('app.js'))];
      expect(Math.abs(copy.mtimeMs - original.mtimeMs)).toBeLessThan(1);
      expect(copy.mode).toBe(original.mode);
      expect(report.siblings).toHaveProperty(encoding, {
        files: 2,
        of: prose.length * 4,
        bytes: copy.size + fs.statSync(site.at(`sub/deep/style.css${extensions[encoding]}`)).size,
      });
    }
  });

  it('encodes at the best levels', async () => {
    const text = noise(20_000);
    const site = makeSite({ 'app.js': text });
    await precompress(site.root);
    const size = (name: string) => fs.statSync(site.at(name)).size;
    expect(size('app.js.gz')).toBeLessThanOrEqual(zlib.gzipSync(text, { level: 9 }).length);
    expect(size('app.js.br')).toBeLessThanOrEqual(zlib.brotliCompressSync(text).length + 16);
  });

  it('staticFiles sends the siblings that it writes', async () => {
    const site = makeSite({ 'app.js': prose });
    await precompress(site.root);
    const { url } = await serve(express().use(staticFiles(site.root)));
    for (const encoding of known) {
      const answer = await get(`${url}/app.js`, accept(encoding));
      expect(answer.headers['content-encoding']).toBe(encoding);
      expect(answer.body).toEqual(fs.readFileSync(site.at(`app.js${extensions[encoding]}`)));
      expect(decoded(answer)).toBe(prose);
    }
    expect((await get(`${url}/.precompressed.json`)).status).toBe(404);
  });

  it('skips files that are not compressible, short, hidden, links, or siblings', async () => {
    const site = makeSite({
      'photo.png': prose,
      'font.woff2': prose,
      'short.js': 'x'.repeat(1023),
      'just.js': 'x'.repeat(1024),
      'empty.js': '',
      'unknown.xyzzy': prose,
      '.hidden.js': prose,
      '.git/hooks.js': prose,
      'vendor.js.gz': prose,
      '../outside/secret.js': prose,
    });
    fs.symlinkSync('../outside', site.at('linked'));
    fs.symlinkSync('../outside/secret.js', site.at('link.js'));
    fs.symlinkSync('.', site.at('loop'));
    const report = await precompress(site.root);
    expect([report.files, report.failed]).toEqual([1, []]);
    expect(names(site.root).filter((name) => /\.(br|gz|zst)$/.test(name))).toEqual(
      [...withSiblings('just.js'), 'vendor.js.gz'].sort(),
    );
    expect(names(site.at('../outside'))).toEqual(['secret.js']);
  });

  it('a sibling that would not be smaller is not written', async () => {
    const site = makeSite({ 'noise.svg': zlib.deflateRawSync(Buffer.from(noise(40_000))) });
    const report = await precompress(site.root, { encodings: ['gzip'] });
    expect(report.notSmaller).toBe(1);
    expect(names(site.root)).not.toContain('noise.svg.gz');
  });

  it('skips what is up to date, by the time of the original', async () => {
    const site = makeSite({ 'a.js': prose, 'b.js': prose });
    await precompress(site.root);
    const before = names(site.root).map((name) => fs.statSync(site.at(name)).ino);
    expect(await precompress(site.root)).toMatchObject({ written: 0, upToDate: 2 * known.length });
    expect(names(site.root).map((name) => fs.statSync(site.at(name)).ino)).toEqual(before);
    site.write('a.js', `${prose}!`);
    const later = Date.now() / 1000 + 5;
    fs.utimesSync(site.at('a.js'), later, later);
    expect(await precompress(site.root)).toMatchObject({ written: known.length, upToDate: known.length });
    expect(zlib.gunzipSync(fs.readFileSync(site.at('a.js.gz'))).toString()).toBe(`${prose}!`);
  });

  it('a sibling of an older file that is restored is written again, if we wrote it', async () => {
    const site = makeSite({ 'a.js': prose });
    await precompress(site.root);
    site.write('a.js', `older ${prose}`);
    fs.utimesSync(site.at('a.js'), 1e9, 1e9);
    expect(await precompress(site.root)).toMatchObject({ written: known.length });
    expect(zlib.gunzipSync(fs.readFileSync(site.at('a.js.gz'))).toString()).toBe(`older ${prose}`);
  });

  it('does not replace the newer sibling of another tool', async () => {
    const theirs = zlib.gzipSync(prose, { level: 1 });
    const site = makeSite({ 'a.js': prose, 'a.js.gz': theirs });
    expect(await precompress(site.root, { encodings: ['gzip'] })).toMatchObject({ written: 0, upToDate: 1 });
    expect(fs.readFileSync(site.at('a.js.gz'))).toEqual(theirs);
  });

  it('prunes its own siblings of files that no longer exist, and nothing else', async () => {
    const site = makeSite({ 'a.js': prose, 'b.js': prose, 'c.js': prose, 'theirs.js.gz': prose });
    await precompress(site.root);
    for (const name of ['a.js', 'b.js']) fs.rmSync(site.at(name));
    // somebody put another file there
    fs.writeFileSync(site.at('b.js.gz'), 'their own');
    expect(await precompress(site.root)).toMatchObject({ removed: 0 });
    expect(names(site.root)).toContain('a.js.gz');
    expect(await precompress(site.root, { prune: true, dryRun: true })).toMatchObject({
      removed: 2 * known.length - 1,
    });
    expect(names(site.root)).toContain('a.js.gz');
    expect(await precompress(site.root, { prune: true })).toMatchObject({ removed: 2 * known.length - 1 });
    expect(names(site.root)).toEqual(
      ['.precompressed.json', 'b.js.gz', 'c.js', 'theirs.js.gz', ...withSiblings('c.js')].sort(),
    );
  });

  it('trusts no manifest: a damaged one is empty, and a forged one affects nothing outside', async () => {
    const site = makeSite({ 'a.js': prose, '../outside/b.js.gz': 'precious', '../c.js.gz': 'precious' });
    fs.symlinkSync('../outside', site.at('linked'));
    for (const text of ['{', '[]', '{"siblings":{"a.js.gz":null}}', '']) {
      fs.writeFileSync(site.at('.precompressed.json'), text);
      expect((await precompress(site.root, { prune: true })).failed).toEqual([]);
    }
    const stateOf = (name: string) => {
      const { size, mtimeMs } = fs.statSync(site.at(name));
      return { size, mtimeMs };
    };
    const siblings = {
      '../c.js.gz': stateOf('../c.js.gz'),
      'linked/b.js.gz': stateOf('linked/b.js.gz'),
      '/etc/passwd': { size: 1, mtimeMs: 1 },
    };
    fs.writeFileSync(site.at('.precompressed.json'), JSON.stringify({ version: 1, siblings }));
    expect(await precompress(site.root, { prune: true })).toMatchObject({ removed: 0, failed: [] });
    expect(fs.existsSync(site.at('../c.js.gz'))).toBe(true);
    expect(fs.existsSync(site.at('../outside/b.js.gz'))).toBe(true);
  });

  it('a dry run writes nothing', async () => {
    const site = makeSite({ 'a.js': prose });
    expect(await precompress(site.root, { dryRun: true })).toMatchObject({ files: 1, written: known.length });
    expect(names(site.root)).toEqual(['a.js']);
  });

  describe.each(known)('a file that changes while it is read, for %s', (encoding) => {
    it.each([
      ['grows', (file: string) => fs.appendFileSync(file, 'more')],
      ['shrinks', (file: string) => fs.truncateSync(file, 10)],
    ])('gets no sibling when it %s, and the other files do', async (_, change) => {
      const site = makeSite({ 'a.js': prose, 'b.js': prose });
      const { createWriteStream } = fs;
      const { open } = fs.promises;
      let original = '';
      jest.spyOn(fs.promises, 'open').mockImplementation((file, ...rest) => {
        original = String(file);
        return open.call(fs.promises, file, ...rest);
      });
      jest.spyOn(fs, 'createWriteStream').mockImplementation((...args) => {
        if (original === site.at('a.js')) change(original);
        return createWriteStream.apply(fs, args);
      });
      const report = await precompress(site.root, { encodings: [encoding as Encoding], concurrency: 1 });
      const [a, b] = ['a.js', 'b.js'].map((name) => name + extensions[encoding]);
      expect(report.failed).toEqual([{ file: a, message: 'it changed while it was read' }]);
      expect(names(site.root)).toEqual(['.precompressed.json', 'a.js', 'b.js', b]);
      expect(openBelow(site.root)).toBe(0);
    });
  });

  if (known.includes('zstd')) {
    // without it the encoder takes tables for the largest window, 400 ms for each small file
    it('a zstd sibling states the size of its original (RFC 8878 section 3.1.1.1.1)', async () => {
      const site = makeSite({ 'a.js': prose });
      await precompress(site.root, { encodings: ['zstd'] });
      const descriptor = fs.readFileSync(site.at('a.js.zst'))[4] ?? 0;
      const singleSegment = descriptor & 0x20;
      const sizeFlag = descriptor >> 6;
      expect(singleSegment || sizeFlag).not.toBe(0);
    });
  }

  it('a file whose name has just enough room for the extension gets its siblings', async () => {
    const name = `${'n'.repeat(255 - '.js.zst'.length)}.js`;
    const site = makeSite({ [name]: prose });
    expect((await precompress(site.root)).failed).toEqual([]);
    expect(names(site.root)).toEqual(['.precompressed.json', name, ...withSiblings(name).sort()]);
  });

  it('a run that ends during another one is included in the manifest of that one', async () => {
    const site = makeSite({ 'a.js': prose });
    const { open } = fs.promises;
    let others: Promise<unknown> | undefined;
    jest.spyOn(fs.promises, 'open').mockImplementation(async (...args) => {
      if (others === undefined) {
        others = Promise.resolve();
        await precompress(site.root, { encodings: ['br'] });
      }
      return open.apply(fs.promises, args);
    });
    await precompress(site.root, { encodings: ['gzip'] });
    expect(names(site.root)).toEqual(['.precompressed.json', 'a.js', 'a.js.br', 'a.js.gz']);
    fs.rmSync(site.at('a.js'));
    expect(await precompress(site.root, { prune: true })).toMatchObject({ removed: 2 });
    expect(names(site.root)).toEqual([]);
  });

  it('an incomplete sibling is never visible', async () => {
    const site = makeSite({ 'a.js': noise(3_000_000) });
    const seen = new Set<number>();
    const watcher = fs.watch(site.root, () => {
      try {
        seen.add(fs.statSync(site.at('a.js.gz')).size);
      } catch {
        // not there yet
      }
    });
    const report = await precompress(site.root, { encodings: ['gzip'] });
    seen.add(fs.statSync(site.at('a.js.gz')).size);
    watcher.close();
    expect([...seen]).toEqual([report.siblings.gzip?.bytes]);
  });

  it('writes `concurrency` files at a time', async () => {
    const site = makeSite(Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}.js`, prose])));
    let now = 0;
    let most = 0;
    const createWriteStream = fs.createWriteStream;
    jest.spyOn(fs, 'createWriteStream').mockImplementation((...args) => {
      most = Math.max(most, ++now);
      const stream = createWriteStream.apply(fs, args);
      return stream.once('close', () => now--);
    });
    await precompress(site.root, { concurrency: 3 });
    expect(most).toBe(3);
    expect(names(site.root)).toHaveLength(20 * (known.length + 1) + 1);
  });

  it.each([
    ['', {}, /expected a directory, got ''/],
    ['/nonexistent', {}, /expected a directory, got '\/nonexistent'/],
    [__filename, {}, /expected a directory/],
    [__dirname, { encodings: [] }, /a list of 'br'/],
    [__dirname, { encodings: ['deflate'] }, /a list of 'br'/],
    [__dirname, { concurrency: 0 }, /1 or more/],
    [__dirname, { dryrun: true }, /Did you mean `dryRun`/],
  ])('refuses %p with %p', async (dir, options, message) => {
    await expect(precompress(dir, options as PrecompressOptions)).rejects.toThrow(message);
  });
});

describe('express-productionize precompress', () => {
  const ask = (site: Site, ...args: string[]) => command([site.root, ...args]);

  it('prints its counts, exit code 0', async () => {
    const site = makeSite({ 'a.js': prose, 'b.css': prose });
    const done = await ask(site);
    expect([done.code, done.err]).toEqual([0, '']);
    expect(done.out).toMatch(
      new RegExp(`^2 files, 8\\.8 kB: ${2 * known.length} written, 0 up to date; \\d+ ms$`, 'm'),
    );
    expect(done.out).toMatch(/^br {4}2 siblings, 8\.8 kB to 0\.\d kB \(\d+%\)$/m);
    expect(names(site.root)).toEqual(
      ['.precompressed.json', 'a.js', 'b.css', ...withSiblings('a.js', 'b.css')].sort(),
    );
    expect((await ask(site)).out).toMatch(/ 0 written, \d+ up to date/);
  });

  it('--json prints the report', async () => {
    const site = makeSite({ 'a.js': prose });
    const { out } = await ask(site, '--json', '--encodings', 'gzip,br');
    expect(JSON.parse(out)).toMatchObject({ files: 1, written: 2, failed: [], ms: expect.any(Number) });
  });

  it('--dry-run, --prune, --threshold and --concurrency have their documented effect', async () => {
    const site = makeSite({ 'a.js': prose, 'b.js': 'x'.repeat(100) });
    expect((await ask(site, '--dry-run')).out).toMatch(/^1 files.* to write/);
    expect(names(site.root)).toEqual(['a.js', 'b.js']);
    await ask(site, '--threshold', '50', '--concurrency', '1');
    expect(names(site.root)).toContain('b.js.gz');
    fs.rmSync(site.at('b.js'));
    expect((await ask(site, '--prune')).out).toMatch(/ removed;/);
    expect(names(site.root)).not.toContain('b.js.gz');
  });

  it.each([
    [[], /expected a directory/],
    [['a', 'b'], /unexpected argument "b"/],
    [['a', '--encodings', 'deflate'], /--encodings: expected some of br.*, got "deflate"/],
    [['a', '--threshold', 'x'], /--threshold: expected a whole number/],
    [['a', '--wat'], /wat/],
  ])('wrong arguments %j: exit code 2', async (args, message) => {
    const { code, err } = await command(args);
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
    expect(err).toContain('precompress <directory>');
  });

  it('a missing directory: exit code 1', async () => {
    const { code, err } = await command(['/nonexistent']);
    expect([code, err]).toEqual([1, expect.stringContaining('ERR_PRODUCTIONIZE_PRECOMPRESS')]);
  });

  it('a full disk: exit code 1, the file is named, no incomplete file remains, smaller ones are written', async () => {
    const site = makeSite({ 'large.js': noise(400_000), 'small.js': prose });
    // what a file may hold at most, which is what a disk with so much room comes to
    const { code, out, err } = await command([site.root], ['prlimit', '--fsize=20000']);
    expect(code).toBe(1);
    expect(out).toMatch(new RegExp(`${known.length} failed`));
    expect(err).toMatch(/large\.js\.br: EFBIG/);
    expect(names(site.root)).toEqual(
      ['.precompressed.json', 'large.js', 'small.js', ...withSiblings('small.js')].sort(),
    );
  });

  it('a directory that is not writable: exit code 1, and nothing changes', async () => {
    const site = makeSite({ 'a.js': prose });
    fs.chmodSync(site.root, 0o555);
    // root may write anywhere, unless it gives up that right
    const capabilities = ['--bounding-set', '-dac_override,-dac_read_search'];
    const { code, err } = await command(
      [site.root],
      process.getuid?.() === 0 ? ['setpriv', ...capabilities] : [],
    );
    fs.chmodSync(site.root, 0o755);
    expect([code, err]).toEqual([1, expect.stringMatching(/a\.js\.br: EACCES/)]);
    expect(names(site.root)).toEqual(['a.js']);
  });

  it('a sibling has the read permissions of its original, whatever the umask', async () => {
    const site = makeSite({ 'a.js': prose, 'private.js': prose });
    fs.chmodSync(site.at('a.js'), 0o664);
    fs.chmodSync(site.at('private.js'), 0o640);
    const { code } = await command([site.root], ['sh', '-c', 'umask 077; exec "$@"', 'sh']);
    expect(code).toBe(0);
    const mode = (name: string) => fs.statSync(site.at(name)).mode & 0o777;
    for (const name of withSiblings('a.js')) expect([name, mode(name)]).toEqual([name, 0o664]);
    for (const name of withSiblings('private.js')) expect([name, mode(name)]).toEqual([name, 0o640]);
  });

  it('two at the same time write whole siblings', async () => {
    const site = makeSite(Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`f${i}.js`, prose + i])));
    const both = await Promise.all([ask(site), ask(site)]);
    expect(both.map(({ code, err }) => [code, err])).toEqual([
      [0, ''],
      [0, ''],
    ]);
    for (let i = 0; i < 30; i++) {
      expect(zlib.gunzipSync(fs.readFileSync(site.at(`f${i}.js.gz`))).toString()).toBe(prose + i);
    }
    expect(names(site.root).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('a killed run leaves no incomplete sibling, and the next one removes its temporary file', async () => {
    const site = makeSite(
      Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`sub/f${i}.js`, noise(900_000, `${i}`)])),
    );
    const program = run(cli, { args: ['precompress', site.root] });
    await unfinished(site);
    program.child.kill('SIGKILL');
    await program.exit();
    const left = hidden(site);
    expect(left).not.toEqual([]);
    for (const name of names(site.root).filter((one) => one.endsWith('.js.gz'))) {
      expect(zlib.gunzipSync(fs.readFileSync(site.at(name)))).toHaveLength(900_000);
    }
    // a machine of another name, an id that is none, and what only looks alike
    const others = [
      left[0]?.replace(/-[0-9a-f]{12}-/, '-0123456789ab-'),
      left[0]?.replace('.tmp', '.bak'),
      left[0]?.replace('/.', '/.my'),
      `${left[0]}.tmp`,
      'sub/.precompress-.tmp',
    ].map(String);
    for (const name of others) site.write(name, 'precious');
    await ask(site, '--dry-run', '--encodings', 'gzip');
    expect(hidden(site)).toEqual([...left, ...others].sort());
    expect((await ask(site, '--encodings', 'gzip')).code).toBe(0);
    expect(hidden(site)).toEqual([...others].sort());
    for (const name of others) expect(fs.readFileSync(site.at(name), 'utf8')).toBe('precious');
    expect(names(site.root)).toContain('sub/f7.js.gz');
  });

  it('a run does not remove the file that another one, running or stopped, is writing', async () => {
    const site = makeSite({ 'sub/a.js': noise(1_000_000) });
    const program = run(cli, { args: ['precompress', site.root, '--encodings', 'br'] });
    await unfinished(site);
    program.child.kill('SIGSTOP');
    const theirs = hidden(site);
    expect(theirs).toHaveLength(1);
    expect((await ask(site, '--encodings', 'gzip')).code).toBe(0);
    expect(hidden(site)).toEqual(theirs);
    program.child.kill('SIGCONT');
    expect((await program.exit()).code).toBe(0);
    expect(hidden(site)).toEqual([]);
    expect(names(site.root)).toEqual([
      '.precompressed.json',
      ...['', '.br', '.gz'].map((end) => `sub/a.js${end}`),
    ]);
  });

  it('a run removes the temporary files of an earlier process with its id', async () => {
    const site = makeSite({ 'a.js': prose });
    const { rename } = fs.promises;
    let name = '';
    jest.spyOn(fs.promises, 'rename').mockImplementation(async (from, to) => {
      name ||= path.basename(String(from));
      await rename(from, to);
    });
    await precompress(site.root, { encodings: ['gzip'] });
    site.write(name, 'half');
    await precompress(site.root);
    expect(names(site.root)).toContain(name);
    const uptime = jest.spyOn(process, 'uptime').mockReturnValue(-60);
    await precompress(site.root);
    uptime.mockRestore();
    expect(names(site.root)).not.toContain(name);
  });
});

/** What is hidden in the folder `sub`, sorted. */
function hidden(site: Site): string[] {
  return names(site.root).filter((name) => name.startsWith('sub/.'));
}

/** Resolves once a run has begun to write something. */
async function unfinished(site: Site): Promise<void> {
  const watcher = fs.watch(site.at('sub'));
  while (hidden(site).length === 0) await once(watcher, 'change');
  watcher.close();
}
