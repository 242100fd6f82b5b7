import { bucketPrefixes, crc16, hashTagOf, slotOf } from '../../src/redis/slots.js';

it('the slot of a key is that of Redis Cluster', () => {
  expect(crc16('123456789')).toBe(0x31c3);
  expect(slotOf('foo')).toBe(12_182);
  expect(slotOf('{user1000}.following')).toBe(slotOf('{user1000}.followers'));
  expect(slotOf('foo{}{bar}')).toBe(crc16('foo{}{bar}') % 16_384);
  expect(slotOf('foo{{bar}}zap')).toBe(slotOf('{bar'));
  expect(hashTagOf('none')).toBeUndefined();
});

it.each(['express-productionize:', 'a{', 'a}', 'ä:'])(
  'the 32 slots of the prefix %s are at equal distances',
  (prefix) => {
    const prefixes = bucketPrefixes(prefix);
    expect(prefixes).toHaveLength(32);
    prefixes.forEach((one, at) => {
      expect(one.startsWith(prefix)).toBe(true);
      expect(Math.floor(slotOf(`${one}entry:/a{b}`) / 512)).toBe(at);
      expect(slotOf(`${one}tag:{c}`)).toBe(slotOf(`${one}purges`));
    });
  },
);

it('a prefix with a hash tag is in one slot', () => {
  expect(bucketPrefixes('{shop}:')).toEqual(['{shop}:']);
});
