import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { productionize, type StaticFilesOptions, staticFiles } from '../../../src/index.js';
import { ResourceReader } from '../../../src/middleware/static-files/resource.js';
import { ResourceStore } from '../../../src/middleware/static-files/resource-store.js';
import { Connection } from '../../helpers/connection.js';
import { accept, noise } from '../../helpers/encoding.js';
import { expressNames } from '../../helpers/express-names.js';
import { type ExpressFactory, expressVersions } from '../../helpers/express-versions.js';
import { quiet } from '../../helpers/memory-log.js';
import { killAll, run } from '../../helpers/program.js';
import { repetitions } from '../../helpers/repetitions.js';
import { closeAll, get, serve } from '../../helpers/serve.js';
import { letFilesRest, makeSite, openBelow, removeSites, until, watchFs } from '../../helpers/site.js';

afterEach(async () => {
  jest.restoreAllMocks();
  killAll();
  await closeAll();
  removeSites();
});

const megabytes = 1024 * 1024;
const sha = (body: Buffer) => createHash('sha1').update(body).digest('hex');

const ways: [string, (express: ExpressFactory) => ReturnType<ExpressFactory>][] = [
  ['alone', (express) => express()],
  ['in productionize', (express) => productionize(express(), quiet())],
];
const cases = expressVersions.flatMap(([name, express]) =>
  ways.map(([way, make]) => [`${name}, ${way}`, () => make(express)] as const),
);

/** A file with holes: large at once. */
function sparse(file: string, bytes: number): void {
  fs.writeFileSync(file, 'x');
  fs.truncateSync(file, bytes);
}

/** Asks, and hands out the response before any of its body was read. */
async function paused(url: string, headers?: http.OutgoingHttpHeaders): Promise<http.IncomingMessage> {
  const req = http.get(url, { agent: false, headers });
  const [res] = (await once(req, 'response')) as [http.IncomingMessage];
  return res.pause();
}

/** What is left of a body, and whether it came to its end. */
async function rest(res: http.IncomingMessage): Promise<{ bytes: number; complete: boolean; sha: string }> {
  const hash = createHash('sha1');
  let bytes = 0;
  res.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    hash.update(chunk);
  });
  res.on('error', () => {});
  res.resume();
  await once(res, 'close').catch(() => {});
  return { bytes, complete: res.complete, sha: hash.digest('hex') };
}

/** Lets the first call of a function of `fs.promises` happen after something else. */
function justBefore(name: 'open' | 'realpath', happens: () => void): void {
  const original = fs.promises[name] as (...args: unknown[]) => Promise<unknown>;
  let done = false;
  jest.spyOn(fs.promises, name).mockImplementation(((...args: unknown[]) => {
    if (!done) happens();
    done = true;
    return original.apply(fs.promises, args);
  }) as never);
}

describe.each(cases)('files that change, %s', (_name, make) => {
  async function serveSite(files: Record<string, string | Uint8Array> = {}, options?: StaticFilesOptions) {
    const site = makeSite(files);
    const app = make();
    app.use(staticFiles(site.root, options));
    app.use(((_error, _req, res, _next) => {
      const { status = 500, headers = {} } = _error as { status?: number; headers?: object };
      res.status(status).set(headers).send('the error handler of the app');
    }) as import('express').ErrorRequestHandler);
    return { ...site, ...(await serve(app)) };
  }

  it('an abandoned download leaves no open descriptor', async () => {
    const { url, root, at } = await serveSite();
    sparse(at('large.zip'), 64 * megabytes);
    const downloads = await Promise.all(Array.from({ length: 20 }, () => paused(`${url}/large.zip`)));
    expect(openBelow(root)).toBe(20);
    for (const download of downloads) download.destroy();
    await until(() => openBelow(root) === 0);
  });

  it('clients that disconnect before the response leave nothing open', async () => {
    const { url, port, root, at } = await serveSite();
    sparse(at('large.zip'), 64 * megabytes);
    for (let i = 0; i < 50; i++) {
      const connection = await Connection.open(port);
      await connection.request(i % 2 ? '/large.zip' : '/none');
      connection.destroy();
    }
    expect((await get(`${url}/large.zip`, { headers: { range: 'bytes=0-0' } })).status).toBe(206);
    await until(() => openBelow(root) === 0);
  });

  it('a finished download closes its file, and the connection is used again', async () => {
    const { port, root, at } = await serveSite();
    sparse(at('large.zip'), megabytes);
    const connection = await Connection.open(port);
    for (let i = 0; i < 3; i++) {
      await connection.request('/large.zip');
      expect((await connection.answer()).length).toBeGreaterThan(megabytes);
    }
    connection.destroy();
    await until(() => openBelow(root) === 0);
  });

  it('a file that is truncated while it is sent ends the connection, and not the process', async () => {
    const { url, root, at } = await serveSite();
    sparse(at('large.zip'), 64 * megabytes);
    const res = await paused(`${url}/large.zip`);
    fs.truncateSync(at('large.zip'), 1000);
    const { bytes, complete } = await rest(res);
    expect(complete).toBe(false);
    expect(bytes).toBeLessThan(64 * megabytes);
    await until(() => openBelow(root) === 0);
    expect((await get(`${url}/large.zip`)).body).toHaveLength(1000);
  });

  it('a file that is replaced while it is sent is sent as it was', async () => {
    const { url, at } = await serveSite();
    const old = randomBytes(16 * megabytes);
    fs.writeFileSync(at('large.zip'), old);
    const res = await paused(`${url}/large.zip`);
    fs.writeFileSync(at('new'), 'new');
    fs.renameSync(at('new'), at('large.zip'));
    expect(await rest(res)).toEqual({ bytes: old.length, complete: true, sha: sha(old) });
    expect((await get(`${url}/large.zip`)).text).toBe('new');
  });

  it.each([100, megabytes])(
    'a file of %d bytes that is replaced before it is opened is sent completely',
    async (size) => {
      const { url, at } = await serveSite({ 'a.png': 'o'.repeat(size) });
      const content = 'n'.repeat(size + 5);
      justBefore('open', () => {
        fs.writeFileSync(at('new'), content);
        fs.renameSync(at('new'), at('a.png'));
      });
      const answer = await get(`${url}/a.png`);
      expect([answer.status, answer.headers['content-length']]).toEqual([200, String(size + 5)]);
      expect(answer.text).toBe(content);
      expect(answer.cut).toBe(false);
    },
  );

  it.each(['GET', 'HEAD'])('the response of other code to a %s is not changed', async (method) => {
    const site = makeSite({ 'a.js': 'x', 'sub/index.html': 'x' });
    sparse(site.at('large.zip'), megabytes);
    const files = staticFiles(site.root);
    const passedOn: unknown[] = [];
    const { url } = await serve((req, res) => {
      files(req, res, (error) => passedOn.push(error));
      res.end('somebody else');
    });
    for (const name of ['a.js', 'large.zip', 'none', 'sub', 'sub/']) {
      const answer = await get(`${url}/${name}`, { method });
      expect([answer.status, answer.cut, answer.headers.etag]).toEqual([200, false, undefined]);
      expect(answer.text).toBe(method === 'GET' ? 'somebody else' : '');
    }
    await until(() => openBelow(site.root) === 0);
    // the looks at the disk are over by the time a file that was never seen was looked at
    expect((await get(`${url}/other`)).text).toBe('somebody else');
    expect(passedOn).toEqual([]);
  });

  it('every response during a deployment is whole, and of one state of the file', async () => {
    const { url, at } = await serveSite({ 'a.png': 'a'.repeat(50_000), 'b.png': 'b'.repeat(900_000) });
    const states = ['a.png', 'b.png'].map((name) => fs.readFileSync(at(name)));
    const rounds = repetitions(100, 20);
    let asking = true;
    let whole = 0;
    const deploy = (async () => {
      for (let i = 0; asking; i++) {
        for (const name of ['a.png', 'b.png']) {
          await fs.promises.writeFile(at('next'), states[i % 2] as Buffer);
          await fs.promises.rename(at('next'), at(name));
        }
      }
    })();
    for (let i = 0; i < rounds; i++) {
      const answers = await Promise.all(['a.png', 'b.png'].map((name) => get(`${url}/${name}`)));
      for (const { status, body, headers, cut } of answers) {
        // one that was replaced at each of three looks says so
        if (status === 503) continue;
        expect([status, cut, headers['content-length']]).toEqual([200, false, String(body.length)]);
        expect(states.some((state) => state.equals(body))).toBe(true);
        whole += 1;
      }
    }
    asking = false;
    await deploy;
    expect(whole).toBeGreaterThan(rounds / 2);
  });

  it.each(['open', 'realpath'] as const)('a file that is removed before `%s` is a 404', async (call) => {
    const { url, at, root } = await serveSite({ 'a.png': 'x' });
    justBefore(call, () => fs.rmSync(at('a.png')));
    const answer = await get(`${url}/a.png`);
    expect(answer.status).toBe(404);
    for (const name of ['etag', 'last-modified', 'accept-ranges'])
      expect(answer.headers).not.toHaveProperty(name);
    expect(openBelow(root)).toBe(0);
  });

  it('the file itself is sent when its sibling is removed before it is opened', async () => {
    const { url, at } = await serveSite({ 'a.js': noise(5000), 'a.js.gz': 'shorter' });
    justBefore('open', () => fs.rmSync(at('a.js.gz')));
    const answer = await get(`${url}/a.js`, accept('br;q=0, gzip'));
    expect(answer.status).toBe(200);
    expect(answer.headers.etag).not.toMatch(/gzip/);
  });

  it('a link that replaces a file before it is opened is not followed', async () => {
    const { url, at } = await serveSite({ 'a.png': 'file', '../secret.png': 'TOP SECRET' });
    justBefore('open', () => {
      fs.rmSync(at('a.png'));
      fs.symlinkSync('../secret.png', at('a.png'));
    });
    const answer = await get(`${url}/a.png`);
    expect([answer.status, answer.text]).toEqual([404, expect.not.stringContaining('SECRET')]);
  });

  it.each([
    ['EACCES', 403, undefined],
    ['EPERM', 403, undefined],
    ['EMFILE', 503, '1'],
    ['ENFILE', 503, '1'],
    ['EIO', 500, undefined],
  ])('%s is a %d for the error handler, with no header of the file', async (code, status, retryAfter) => {
    const { url, root } = await serveSite({ 'index-BfX3a9Qz.js': 'x' });
    const failure = () => Promise.reject(Object.assign(new Error(`${code}: no`), { code }));
    for (const call of ['stat', 'realpath', 'open'] as const) {
      const spy = jest.spyOn(fs.promises, call).mockImplementation(failure as never);
      const answer = await get(`${url}/index-BfX3a9Qz.js`);
      expect([call, answer.status, answer.headers['retry-after']]).toEqual([call, status, retryAfter]);
      expect(answer.text).toBe('the error handler of the app');
      for (const name of ['cache-control', 'last-modified', 'accept-ranges']) {
        expect([name, answer.headers[name]]).toEqual([name, undefined]);
      }
      spy.mockRestore();
    }
    expect((await get(`${url}/index-BfX3a9Qz.js`)).status).toBe(200);
    expect(openBelow(root)).toBe(0);
  });

  it('a read error in the middle ends the connection, and closes the file', async () => {
    const { url, at, root } = await serveSite();
    sparse(at('large.zip'), 64 * megabytes);
    const open = fs.promises.open;
    jest.spyOn(fs.promises, 'open').mockImplementation(async (...args) => {
      const handle = await open.apply(fs.promises, args);
      const read = handle.read.bind(handle) as (...args: unknown[]) => Promise<unknown>;
      let reads = 0;
      Object.assign(handle, {
        read: (...args: unknown[]) =>
          ++reads > 5 ? Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' })) : read(...args),
      });
      return handle;
    });
    const answer = await get(`${url}/large.zip`);
    expect([answer.status, answer.cut]).toEqual([200, true]);
    await until(() => openBelow(root) === 0);
  });

  it('a setHeaders that throws leaves no open descriptor', async () => {
    const { url, root, at } = await serveSite(
      {},
      {
        setHeaders() {
          throw new Error('no headers');
        },
      },
    );
    sparse(at('large.zip'), megabytes);
    expect((await get(`${url}/large.zip`)).status).toBe(500);
    expect(openBelow(root)).toBe(0);
  });

  it('for a slow client a few chunks are in memory, and not the file', async () => {
    const { port, at, server } = await serveSite();
    sparse(at('large.zip'), 512 * megabytes);
    const before = process.memoryUsage();
    let serverSide: net.Socket | undefined;
    server.on('connection', (socket) => {
      serverSide = socket;
    });
    const socket = net.connect(port, '127.0.0.1');
    socket.write('GET /large.zip HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(socket, 'readable');
    // not read from now on: the kernel's buffers fill, then ours
    await until(() => (serverSide?.writableLength ?? 0) > 0 && serverSide?.writableNeedDrain === true);
    expect(serverSide?.writableLength).toBeLessThan(megabytes);
    expect(process.memoryUsage().arrayBuffers - before.arrayBuffers).toBeLessThan(64 * megabytes);
    socket.destroy();
  });
});

describe.each(expressVersions)('the memory of static files, on %s', (_name, express) => {
  async function serveSite(files: Record<string, string | Uint8Array>, options?: StaticFilesOptions) {
    const site = makeSite(files);
    const app = express();
    app.use(staticFiles(site.root, options));
    return { ...site, ...(await serve(app)) };
  }

  it('a cached result needs no call of fs while it is fresh, found or not', async () => {
    const { url } = await serveSite(
      { 'a.js': 'x', 'index.html': 'page' },
      { revalidateMs: 60_000, fallback: 'index.html' },
    );
    const ask = async () => [
      (await get(`${url}/a.js`)).text,
      (await get(`${url}/none.js`)).status,
      (await get(`${url}/users/1`, { headers: { accept: 'text/html' } })).text,
      (await get(`${url}/a.js`, { headers: { range: 'bytes=0-0' } })).text,
      (await get(`${url}/a.js`, { method: 'HEAD' })).status,
    ];
    const first = await ask();
    const calls = watchFs();
    expect(await ask()).toEqual(first);
    expect(calls).toEqual([]);
  });

  it('when it is no longer fresh, each relevant file is checked once', async () => {
    letFilesRest();
    const { url, at } = await serveSite({ 'a.js': 'x', 'a.png': 'x' }, { revalidateMs: 0 });
    for (const path of ['/a.js', '/a.png']) await get(url + path);
    const calls = watchFs();
    await get(`${url}/a.png`);
    expect(calls).toEqual([`promises.stat ${at('a.png')}`]);
    await get(`${url}/a.js`);
    expect(calls).toHaveLength(5);
  });

  it('a change, a removal and a new file take effect after revalidateMs, and not before', async () => {
    let now = 1_000_000;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => now);
    const { url, at, write } = await serveSite({ 'a.js': 'old', 'b.js': 'b' }, { revalidateMs: 1000 });
    const ask = async () => {
      const answers = [];
      for (const name of ['a.js', 'b.js', 'c.js']) {
        const { status, text } = await get(`${url}/${name}`);
        answers.push(status === 200 ? text : status);
      }
      return answers;
    };
    expect(await ask()).toEqual(['old', 'b', 404]);
    write('a.js', 'new');
    fs.rmSync(at('b.js'));
    write('c.js', 'c');
    now += 999;
    expect(await ask()).toEqual(['old', 'b', 404]);
    now += 1;
    expect(await ask()).toEqual(['new', 404, 'c']);
    clock.mockRestore();
  });

  it('a change within one tick of the clock is detected, although size and times are the same', async () => {
    const { url, at } = await serveSite({ 'a.js': 'old' }, { revalidateMs: 0 });
    const stats = fs.statSync(at('a.js'));
    const stat = fs.promises.stat;
    jest
      .spyOn(fs.promises, 'stat')
      .mockImplementation((async (file: string) =>
        Object.assign(await stat(file), { ctimeMs: stats.ctimeMs, mtimeMs: stats.mtimeMs })) as never);
    const open = fs.promises.open;
    jest.spyOn(fs.promises, 'open').mockImplementation(async (...args) => {
      const handle = await open.apply(fs.promises, args);
      const own = handle.stat.bind(handle);
      Object.assign(handle, {
        stat: async () => Object.assign(await own(), { ctimeMs: stats.ctimeMs, mtimeMs: stats.mtimeMs }),
      });
      return handle;
    });
    expect((await get(`${url}/a.js`)).text).toBe('old');
    fs.writeFileSync(at('a.js'), 'new');
    expect((await get(`${url}/a.js`)).text).toBe('new');
  });

  it('a change that preserves size and mtime is detected', async () => {
    letFilesRest();
    const { url, at, write } = await serveSite({ 'a.js': 'old' }, { revalidateMs: 0 });
    expect((await get(`${url}/a.js`)).text).toBe('old');
    // the kernel's clock has ticked since
    const { ctimeMs } = fs.statSync(at('a.js'));
    do write('tick', '');
    while (fs.statSync(at('tick')).ctimeMs <= ctimeMs);
    const { atimeMs, mtimeMs } = fs.statSync(at('a.js'));
    fs.writeFileSync(at('a.js'), 'new');
    fs.utimesSync(at('a.js'), atimeMs / 1000, mtimeMs / 1000);
    expect((await get(`${url}/a.js`)).text).toBe('new');
  });

  it('a hundred requests for a cold file read it once', async () => {
    const { url, at } = await serveSite({ 'a.png': noise(10_000) }, { revalidateMs: 60_000 });
    const calls = watchFs();
    const answers = await Promise.all(Array.from({ length: 100 }, () => get(`${url}/a.png`)));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(calls.filter((call) => call === `promises.open ${at('a.png')}`)).toHaveLength(1);
  });

  it('cacheBytes: 0 caches nothing, and serves the same', async () => {
    const { url } = await serveSite({ 'a.js': 'x', 'empty.js': '' }, { cacheBytes: 0 });
    for (let i = 0; i < 2; i++) {
      expect((await get(`${url}/a.js`)).text).toBe('x');
      expect((await get(`${url}/empty.js`)).headers['content-length']).toBe('0');
    }
  });

  it('is bounded, whatever clients request', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [`f${i}.png`, noise(2000, `${i}`)]),
    );
    const { root } = makeSite(files);
    const reader = new ResourceReader({
      root,
      dotfiles: [],
      encodings: [],
      followSymlinks: false,
      cacheControl: () => 'no-cache',
    });
    const store = new ResourceStore(reader, { cacheBytes: 200_000, revalidateMs: 60_000 });
    for (const name of Object.keys(files)) {
      const found = await store.read(`/${name}`);
      if (typeof found !== 'object') throw new Error(name);
      expect((await store.body(found, found.identity)).toString()).toBe(files[name]);
      expect(store.bytes).toBeLessThanOrEqual(200_000);
    }
    expect(store.bytes).toBeGreaterThan(80_000);
    for (let i = 0; i < 5000; i++) await store.read(`/none${i}`);
    expect(store.bytes).toBeLessThanOrEqual(200_000);
  });
});

describe.each(expressNames)('out of descriptors, on %s', (express) => {
  it('a file that is not cached is a 503, and is served when there are descriptors again', async () => {
    const { root } = makeSite({ 'a.js': 'file' });
    const program = run('static.mjs', {
      command: ['prlimit', '--nofile=80'],
      args: [root],
      env: { EXPRESS: express },
    });
    const connection = await Connection.open(await program.port());
    const ask = async (path: string) => {
      await connection.request(path);
      return connection.answer();
    };
    expect(await ask('/exhaust')).toContain('EMFILE');
    const answer = await ask('/a.js');
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
    expect(answer).toMatch(/^Retry-After: 1\r$/m);
    expect(answer).toMatch(/^Cache-Control: no-store\r$/m);
    expect(await ask('/release')).toContain('released');
    expect(await ask('/a.js')).toMatch(/^HTTP\/1\.1 200 .*file$/s);
    connection.destroy();
  });
});

describe.each(expressNames)('files without read permission, on %s', (express) => {
  it('a sibling is ignored, and the file itself is a 403', async () => {
    const { root, at } = makeSite({ 'a.js': noise(5000), 'a.js.gz': 'shorter', 'b.js': 'file' });
    for (const name of ['a.js.gz', 'b.js']) fs.chmodSync(at(name), 0);
    const program = run('static.mjs', {
      // root may read everything, unless it gives up that right
      command:
        process.getuid?.() === 0 ? ['setpriv', '--bounding-set', '-dac_override,-dac_read_search'] : [],
      args: [root],
      env: { EXPRESS: express },
    });
    const url = `http://127.0.0.1:${await program.port()}`;
    const answer = await get(`${url}/a.js`, accept('gzip;q=1, br;q=0'));
    expect([answer.status, answer.headers['content-encoding'], answer.headers.etag]).toEqual([
      200,
      'gzip',
      expect.not.stringContaining('-gzip'),
    ]);
    expect((await get(`${url}/a.js`)).text).toBe(noise(5000));
    expect((await get(`${url}/b.js`)).status).toBe(403);
  });
});
