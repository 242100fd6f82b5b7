import { createReadStream, createWriteStream, lstatSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { blockBytes, encodeHeader, paddingOf } from './archive-format.js';
import { treeOf } from './release-tree.js';

/** Writes the files of a directory as a compressed tar archive. The file has its name when it is complete. */
export async function writeArchive(directory: string, file: string, time: Date): Promise<void> {
  const partial = `${file}.partial`;
  try {
    await pipeline(archiveOf(directory, time), createWriteStream(partial));
    renameSync(partial, file);
  } finally {
    rmSync(partial, { force: true });
  }
}

/** The compressed tar archive of a directory. */
export function archiveOf(directory: string, time: Date): NodeJS.ReadableStream {
  const gzip = createGzip();
  pipeline(Readable.from(blocksOf(directory, time)), gzip).catch((error: Error) => gzip.destroy(error));
  return gzip;
}

async function* blocksOf(directory: string, time: Date): AsyncGenerator<Buffer> {
  const seconds = Math.floor(time.getTime() / 1000);
  for (const { path: relative, link = '' } of treeOf(directory)) {
    const file = path.join(directory, relative);
    const { mode, size: bytes } = lstatSync(file);
    const type = link === '' ? '0' : '2';
    const size = type === '0' ? bytes : 0;
    yield encodeHeader({ path: relative, type, size, executable: (mode & 0o100) !== 0, link }, seconds);
    if (type === '2') continue;
    // a file that grows meanwhile must not shift the entries after it
    if (size > 0) yield* createReadStream(file, { end: size - 1 });
    yield Buffer.alloc(paddingOf(size));
  }
  yield Buffer.alloc(2 * blockBytes);
}
