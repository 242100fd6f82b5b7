import fs from 'node:fs';
import { FileChanged } from './file-errors.js';
import { hasSameStats } from './file-state.js';
import type { Representation } from './resource.js';

/**
 * Opens the file of a representation and checks that it is the one the headers describe. It does not follow a link and
 * does not wait for a pipe that has replaced the file.
 */
export async function openFile({ file, state }: Representation): Promise<fs.promises.FileHandle> {
  // Windows does not support O_NOFOLLOW and O_NONBLOCK.
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;
  let handle: fs.promises.FileHandle;
  try {
    handle = await fs.promises.open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ELOOP') throw new FileChanged();
    throw error;
  }
  try {
    if (hasSameStats(await handle.stat(), state)) return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
  throw new FileChanged();
}

/** Reads a whole file that is small. */
export async function readWhole(representation: Representation): Promise<Buffer> {
  const { state } = representation;
  const handle = await openFile(representation);
  try {
    // A slice of the buffer pool would retain the whole pool.
    const body = Buffer.allocUnsafeSlow(state.size);
    let filled = 0;
    while (filled < body.length) {
      const { bytesRead } = await handle.read(body, filled, body.length - filled, filled);
      if (bytesRead === 0) throw new FileChanged();
      filled += bytesRead;
    }
    if (!hasSameStats(await handle.stat(), state)) throw new FileChanged();
    return body;
  } finally {
    await handle.close();
  }
}
