import os from 'node:os';
import { cacheKey, EncodedCache } from '../src/encoding/encoded-cache.js';
import { availableCpus } from '../src/support/available-cpus.js';
import { memoizeHeader } from '../src/support/header-memo.js';

describe('EncodedCache', () => {
  it('C81 caps the total of bytes, and drops what nobody asked for', () => {
    const cache = new EncodedCache(10_000);
    cache.set('asked for', Buffer.alloc(800));
    cache.set('forgotten', Buffer.alloc(800));
    for (let i = 0; i < 100; i++) {
      cache.set(`${i}`, Buffer.alloc(800));
      expect(cache.get('asked for')).toHaveLength(800);
      expect(cache.size).toBeLessThanOrEqual(10_000);
    }
    expect(cache.get('99')).toHaveLength(800);
    expect(cache.get('forgotten')).toBeUndefined();
  });

  it('C81 counts many tiny bodies, too, and refuses one that would fill it', () => {
    const cache = new EncodedCache(10_000);
    for (let i = 0; i < 1000; i++) cache.set(`${i}`, Buffer.alloc(1));
    expect(cache.size).toBeLessThanOrEqual(10_000);
    expect(cache.get('900')).toBeUndefined();
    cache.set('large', Buffer.alloc(10_001));
    expect(cache.get('large')).toBeUndefined();
    expect(cache.get('999')).toHaveLength(1);
  });

  it('C81 holds no more memory than it counts', () => {
    const cache = new EncodedCache(10_000);
    cache.set('a', Buffer.alloc(100_000).subarray(0, 10));
    expect(cache.get('a')?.buffer.byteLength).toBe(10);
  });

  it('C81 keys by the bytes and the encoding', () => {
    const keys = [
      cacheKey('br', Buffer.from('a')),
      cacheKey('gzip', Buffer.from('a')),
      cacheKey('br', Buffer.from('b')),
    ];
    expect(new Set(keys).size).toBe(3);
    expect(cacheKey('br', Buffer.from('a'))).toBe(cacheKey('br', new Uint8Array([0x61])));
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
  ])('C80 reads %s', (_what, content, expected) => {
    expect(availableCpus(files(content))).toBe(expected);
  });
});

describe('memoizeHeader', () => {
  it('parses a value once, and bounds what it remembers', () => {
    const parse = jest.fn((value: string) => ({ value }));
    const memo = memoizeHeader(parse);
    expect(memo('a')).toBe(memo('a'));
    expect(parse).toHaveBeenCalledTimes(1);
    memo('x'.repeat(1000));
    memo('x'.repeat(1000));
    expect(parse).toHaveBeenCalledTimes(3);
    for (let i = 0; i < 300; i++) memo(`${i}`);
    memo('a');
    expect(parse).toHaveBeenCalledTimes(304);
  });
});
