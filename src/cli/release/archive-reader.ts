import { createReadStream, mkdirSync, symlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { createGunzip } from 'node:zlib';
import { CommandError } from '../command.js';
import { type ArchiveHeader, blockBytes, decodeExtended, decodeHeader, paddingOf } from './archive-format.js';

const chunkBytes = 256 * 1024;
const longestExtended = 64 * 1024;

/**
 * Unpacks a compressed tar archive into an empty directory. Paths out of the directory and entries that are neither
 * files, directories nor symbolic links are errors. Links are made last, so that no file is written through one.
 */
export async function unpackArchive(file: string, directory: string): Promise<void> {
  const source = createReadStream(file);
  const unzipped = source.on('error', (error) => unzipped.destroy(error)).pipe(createGunzip());
  const damaged = (why: string): CommandError =>
    new CommandError(`${JSON.stringify(file)} is truncated or damaged: ${why}.`);
  const links: ArchiveHeader[] = [];
  try {
    const archive = new Bytes(unzipped);
    for await (const header of headersOf(archive, damaged)) {
      const target = insideOf(directory, header.path);
      if (header.type === '5') mkdirSync(target, { recursive: true });
      else if (header.type === '2') links.push(header);
      else if (header.type === '0') await writeFile(target, header, archive);
      else
        throw new CommandError(
          `The archive has an entry of an unsupported type: ${JSON.stringify(header.path)}.`,
        );
    }
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    throw code.startsWith('Z_') || error instanceof RangeError ? damaged(message) : error;
  } finally {
    source.destroy();
  }
  const linked = new Set(links.map(({ path: name }) => insideOf(directory, name)));
  for (const { path: name, link } of links) {
    const target = insideOf(directory, name);
    for (let parent = path.dirname(target); parent !== directory; parent = path.dirname(parent)) {
      if (!linked.has(parent)) continue;
      throw new CommandError(`The archive has a path through a link: ${JSON.stringify(name)}.`);
    }
    mkdirSync(path.dirname(target), { recursive: true });
    symlinkSync(link, target);
  }
}

function insideOf(directory: string, name: string): string {
  const parts = name.replace(/\/$/, '').split('/');
  if (name.includes('\0') || parts.some((part) => part === '..' || part === '') || path.isAbsolute(name)) {
    throw new CommandError(`The archive has a path out of the release: ${JSON.stringify(name)}.`);
  }
  return path.join(directory, ...parts);
}

/** The headers of the entries, with the names of their extended headers. */
async function* headersOf(
  archive: Bytes,
  damaged: (why: string) => CommandError,
): AsyncGenerator<ArchiveHeader> {
  let extended: ReadonlyMap<string, string> = new Map();
  for (;;) {
    const block = await archive.read(blockBytes);
    if (block.every((byte) => byte === 0)) return;
    const header = decodeHeader(block);
    if (header === undefined || !(header.size >= 0)) throw damaged('a header is not valid');
    if (header.type === 'x' || header.type === 'g') {
      if (header.size > longestExtended) throw damaged('a name is too long');
      const content = await archive.read(header.size);
      await archive.read(paddingOf(header.size));
      if (header.type === 'x') extended = decodeExtended(content);
      continue;
    }
    yield {
      ...header,
      path: extended.get('path') ?? header.path,
      link: extended.get('linkpath') ?? header.link,
    };
    extended = new Map();
  }
}

async function writeFile(target: string, { size, executable }: ArchiveHeader, archive: Bytes): Promise<void> {
  mkdirSync(path.dirname(target), { recursive: true });
  const output = await open(target, 'wx', executable ? 0o755 : 0o644);
  try {
    for (let left = size; left > 0; ) {
      const chunk = await archive.read(Math.min(left, chunkBytes));
      await output.writeFile(chunk);
      left -= chunk.length;
    }
  } finally {
    await output.close();
  }
  await archive.read(paddingOf(size));
}

/** Reads a stream by numbers of bytes. */
class Bytes {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: AsyncIterable<Buffer>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** Throws a RangeError when the stream ends before. */
  async read(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let missing = length;
    while (missing > 0) {
      if (this.#rest.length === 0) {
        const { done, value } = await this.#chunks.next();
        if (done) throw new RangeError('it ends early');
        this.#rest = value as Buffer;
      }
      const part = this.#rest.subarray(0, missing);
      parts.push(part);
      missing -= part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts, length);
  }
}
