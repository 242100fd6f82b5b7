import { BoundedMap, memoizeHeader } from '../../src/support/bounded-map.js';

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

describe('BoundedMap', () => {
  it('holds the entries used last, and at most twice as many', () => {
    const map = new BoundedMap<number>(10);
    for (const i of numbers(100)) map.set(`key ${i}`, i);
    for (const i of numbers(10).map((n) => n + 90)) expect(map.get(`key ${i}`)).toBe(i);
    expect(numbers(100).filter((i) => map.get(`key ${i}`) !== undefined).length).toBeLessThanOrEqual(20);
  });

  it('retains entries that are read repeatedly', () => {
    const map = new BoundedMap<string>(10);
    map.set('used', 'value');
    for (const i of numbers(1000)) {
      map.set(`key ${i}`, '');
      expect(map.get('used')).toBe('value');
    }
  });

  it('replaces and deletes in both generations', () => {
    const map = new BoundedMap<number>(2);
    for (const [i, key] of ['a', 'b', 'c'].entries()) map.set(key, i);
    map.set('a', 7);
    expect(map.get('a')).toBe(7);
    map.delete('a');
    map.delete('b');
    expect(['a', 'b', 'c'].map((key) => map.get(key))).toEqual([undefined, undefined, 2]);
  });
});

describe('memoizeHeader', () => {
  it('parses a value once, and stores a bounded number of results', () => {
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

  it('drops values of clients that send many different ones', () => {
    const parse = jest.fn((value: string) => value.length);
    const memoized = memoizeHeader(parse);
    for (const i of numbers(10_000)) memoized(`value ${i}`);
    parse.mockClear();
    memoized('value 10000');
    expect(parse).not.toHaveBeenCalled();
    for (const i of numbers(10_000)) memoized(`value ${i}`);
    expect(parse.mock.calls.length).toBeGreaterThan(9000);
  });
});
