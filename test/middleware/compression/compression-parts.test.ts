import os from 'node:os';
import { EncodedCache } from '../../../src/middleware/compression/encoded-cache.js';
import { availableCpus } from '../../../src/support/available-cpus.js';

describe('EncodedCache', () => {
  const body = (name: string, length = 800) => Buffer.alloc(length, `${name} `);
  const encoded = (name: string) => Buffer.from(`encoded ${name}`);

  it('limits the total bytes, and removes the least recently used entry', () => {
    const cache = new EncodedCache(10_000);
    cache.set('br', body('asked for'), encoded('asked for'));
    cache.set('br', body('forgotten'), encoded('forgotten'));
    for (let i = 0; i < 100; i++) {
      cache.set('br', body(`${i}`), encoded(`${i}`));
      expect(cache.get('br', body('asked for'))).toEqual(encoded('asked for'));
    }
    expect(cache.get('br', body('99'))).toEqual(encoded('99'));
    expect(cache.get('br', body('forgotten'))).toBeUndefined();
  });

  it('returns the stored encoding or nothing, whatever is overwritten', () => {
    const cache = new EncodedCache(10_000);
    const bodies = Array.from({ length: 3000 }, (_, n) => body(`${n}`, 8 + ((n * 7919) % 1500)));
    const wrong: number[] = [];
    const found = new Map([0, 1, 5, 2000].map((back) => [back, 0]));
    for (const [n, newest] of bodies.entries()) {
      cache.set('gzip', newest, encoded(`${n}`));
      for (const [back, times] of found) {
        const earlier = Math.max(0, n - back);
        const answer = cache.get('gzip', bodies[earlier] as Buffer);
        if (answer?.equals(encoded(`${earlier}`))) found.set(back, times + 1);
        else if (answer) wrong.push(earlier);
      }
    }
    expect(wrong).toEqual([]);
    expect(found.get(0)).toBe(3000);
    expect(found.get(1)).toBeGreaterThan(2800);
    expect(found.get(2000)).toBeLessThan(2100);
  });

  it('refuses an entry that would fill it', () => {
    const cache = new EncodedCache(10_000);
    cache.set('br', body('small'), encoded('small'));
    cache.set('br', body('large', 6000), encoded('large'));
    expect(cache.get('br', body('large', 6000))).toBeUndefined();
    expect(cache.get('br', body('small'))).toEqual(encoded('small'));
  });

  it('uses every byte and the encoding for the key', () => {
    const cache = new EncodedCache(1_000_000);
    const original = body('x', 5000);
    cache.set('br', original, encoded('br'));
    cache.set('gzip', original, encoded('gzip'));
    expect(cache.get('br', new Uint8Array(original))).toEqual(encoded('br'));
    expect(cache.get('gzip', original)).toEqual(encoded('gzip'));
    expect(cache.get('zstd', original)).toBeUndefined();
    expect(cache.get('br', original.subarray(1))).toBeUndefined();
    const wrong = [...original.keys()].filter((at) => {
      const other = Buffer.from(original);
      other[at] = 0;
      return cache.get('br', other) !== undefined;
    });
    expect(wrong).toEqual([]);
  });

  it('is not affected by changes of buffers that it received or returned', () => {
    const cache = new EncodedCache(10_000);
    const given = body('mine');
    cache.set('br', given, encoded('mine'));
    given.fill(0);
    cache.get('br', body('mine'))?.fill(0);
    expect(cache.get('br', given)).toBeUndefined();
    expect(cache.get('br', body('mine'))).toEqual(encoded('mine'));
  });
});

describe('availableCpus', () => {
  const files = (content: Record<string, string>) => (path: string) => {
    const text = content[path];
    if (text === undefined) throw new Error('ENOENT');
    return text;
  };

  it.each([
    ['a quota of cgroup v2', { '/sys/fs/cgroup/cpu.max': '25000 100000\n' }, 0.25],
    ['no quota in cgroup v2', { '/sys/fs/cgroup/cpu.max': 'max 100000\n' }, os.availableParallelism()],
    [
      'a quota of cgroup v1',
      {
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '50000\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      },
      0.5,
    ],
    [
      'no quota in cgroup v1',
      { '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n', '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n' },
      os.availableParallelism(),
    ],
    ['no cgroups', {}, os.availableParallelism()],
    ['garbage', { '/sys/fs/cgroup/cpu.max': '\0' }, os.availableParallelism()],
    ['a quota above the machine', { '/sys/fs/cgroup/cpu.max': '99900000 100000' }, os.availableParallelism()],
  ])('reads %s', (_what, content, expected) => {
    expect(availableCpus(files(content))).toBe(expected);
  });
});
