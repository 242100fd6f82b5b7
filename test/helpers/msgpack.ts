/** Decodes MessagePack, of which the tracer of Datadog sends maps, arrays, strings, numbers and null. */
export function decode(buffer: Buffer): unknown {
  let at = 0;
  const uint = (bytes: number): number => {
    at += bytes;
    return buffer.readUIntBE(at - bytes, bytes);
  };
  const text = (bytes: number): string => {
    at += bytes;
    return buffer.toString('utf8', at - bytes, at);
  };
  const list = (length: number): unknown[] => Array.from({ length }, value);
  const map = (length: number): unknown =>
    Object.fromEntries(Array.from({ length }, () => [value(), value()]));
  const number = (bytes: number, read: (at: number) => number | bigint): number | bigint => {
    at += bytes;
    return read.call(buffer, at - bytes);
  };
  const typed: Record<number, () => unknown> = {
    192: () => null,
    194: () => false,
    195: () => true,
    202: () => number(4, buffer.readFloatBE),
    203: () => number(8, buffer.readDoubleBE),
    204: () => uint(1),
    205: () => uint(2),
    206: () => uint(4),
    207: () => number(8, buffer.readBigUInt64BE),
    208: () => number(1, buffer.readInt8),
    209: () => number(2, buffer.readInt16BE),
    210: () => number(4, buffer.readInt32BE),
    211: () => number(8, buffer.readBigInt64BE),
    217: () => text(uint(1)),
    218: () => text(uint(2)),
    219: () => text(uint(4)),
    220: () => list(uint(2)),
    221: () => list(uint(4)),
    222: () => map(uint(2)),
    223: () => map(uint(4)),
  };
  function value(): unknown {
    const type = uint(1);
    if (type < 0x80) return type;
    if (type < 0x90) return map(type & 15);
    if (type < 0xa0) return list(type & 15);
    if (type < 0xc0) return text(type & 31);
    if (type >= 0xe0) return type - 256;
    const read = typed[type];
    if (read === undefined) throw new Error(`MessagePack type ${type} is not decoded`);
    return read();
  }
  return value();
}
