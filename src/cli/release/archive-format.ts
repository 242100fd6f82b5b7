/** The header of one entry of a tar archive, as POSIX.1-2001 (pax) defines it. */
export interface ArchiveHeader {
  readonly path: string;
  /** `0` is a file, `2` a symbolic link, `5` a directory, `x` the extended header of the next entry. */
  readonly type: string;
  readonly size: number;
  readonly executable: boolean;
  readonly link: string;
}

export const blockBytes = 512;
const longestName = 100;

/** The bytes after the content of an entry, up to the next block. */
export function paddingOf(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes;
}

/** Encodes the header of an entry. Names that do not fit are in an extended header before it. */
export function encodeHeader(header: ArchiveHeader, seconds: number): Buffer {
  const extended = [
    ...(fits(header.path) ? [] : [record('path', header.path)]),
    ...(fits(header.link) ? [] : [record('linkpath', header.link)]),
  ].join('');
  if (extended === '') return block(header, seconds);
  const content = Buffer.from(extended);
  const size = content.length;
  return Buffer.concat([
    block({ path: 'pax', type: 'x', size, executable: false, link: '' }, seconds),
    content,
    Buffer.alloc(paddingOf(size)),
    block({ ...header, path: fits(header.path) ? header.path : 'long', link: '' }, seconds),
  ]);
}

const fits = (name: string): boolean => /^[\x20-\x7e]*$/.test(name) && name.length <= longestName;

/** A record of an extended header. Its length counts its own digits, too. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  let length = bytes + String(bytes).length;
  if (bytes + String(length).length !== length) length = bytes + String(length).length;
  return `${length}${rest}`;
}

function block({ path, type, size, executable, link }: ArchiveHeader, seconds: number): Buffer {
  const buffer = Buffer.alloc(blockBytes);
  const octal = (value: number, at: number, length: number): void => {
    buffer.write(value.toString(8).padStart(length - 1, '0'), at);
  };
  buffer.write(path, 0);
  octal(executable || type === '2' ? 0o755 : 0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(seconds, 136, 12);
  buffer.write(' '.repeat(8), 148);
  buffer.write(type, 156);
  buffer.write(link, 157);
  buffer.write('ustar\x0000', 257);
  octal(
    buffer.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return buffer;
}

/** Decodes one block; `undefined` for the empty block at the end, and for one whose checksum is wrong. */
export function decodeHeader(buffer: Buffer): ArchiveHeader | undefined {
  const text = (at: number, length: number): string => {
    const field = buffer.subarray(at, at + length);
    const end = field.indexOf(0);
    return field.toString('utf8', 0, end < 0 ? length : end);
  };
  const octal = (at: number, length: number): number => Number.parseInt(text(at, length).trim(), 8);
  const spaces = Buffer.concat([buffer.subarray(0, 148), Buffer.alloc(8, ' '), buffer.subarray(156)]);
  if (octal(148, 8) !== spaces.reduce((sum, byte) => sum + byte, 0)) return undefined;
  const prefix = text(257, 5) === 'ustar' && buffer[263] === 0x30 ? text(345, 155) : '';
  return {
    path: prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`,
    type: text(156, 1) || '0',
    size: octal(124, 12),
    executable: (octal(100, 8) & 0o100) !== 0,
    link: text(157, 100),
  };
}

/** Decodes the records of an extended header. */
export function decodeExtended(content: Buffer): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(' ', at);
    const length = Number(content.toString('latin1', at, space));
    if (space < 0 || !(length > 0)) break;
    const [, key = '', value = ''] =
      /^([^=]*)=(.*)\n$/s.exec(content.toString('utf8', space + 1, at + length)) ?? [];
    records.set(key, value);
    at += length;
  }
  return records;
}
