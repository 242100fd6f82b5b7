import fs from 'node:fs';
import { isAlike } from './file-state.js';
import type { Representation } from './resource.js';

/** The file is not the one that was looked at: look again. */
export class FileChanged extends Error {
  constructor() {
    super('a static file changed while it was looked at');
  }
}

/**
 * Opens the file of a representation, and makes sure that it is the one the headers describe. A link put in its place
 * since is not followed, and a pipe is not waited for.
 */
export async function openFile({ file, state }: Representation): Promise<fs.promises.FileHandle> {
  // read here, since Windows has neither
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;
  let handle: fs.promises.FileHandle;
  try {
    handle = await fs.promises.open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ELOOP') throw new FileChanged();
    throw error;
  }
  try {
    if (isAlike(await handle.stat(), state)) return handle;
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
    // of its own, not a window on a pool that it would keep alive
    const body = Buffer.allocUnsafeSlow(state.size);
    let filled = 0;
    while (filled < body.length) {
      const { bytesRead } = await handle.read(body, filled, body.length - filled, filled);
      if (bytesRead === 0) throw new FileChanged();
      filled += bytesRead;
    }
    // written to while it was read
    if (!isAlike(await handle.stat(), state)) throw new FileChanged();
    return body;
  } finally {
    await handle.close();
  }
}
