import fs from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { codecOf, type Encoding } from '../../support/encoding/encoders.js';
import { hasSameStats } from './file-state.js';
import { siblingExtensions } from './siblings.js';
import { unfinishedFile } from './unfinished-files.js';

/** The levels with the smallest output. A file is encoded once and sent often, so the time of encoding matters less. */
const bestLevels: Readonly<Record<Encoding, number>> = { br: 11, gzip: 9, zstd: 19 };

/** The state of the sibling that was written, or why none was. */
type WriteResult = { readonly size: number; readonly mtimeMs: number } | 'not smaller';

/**
 * Encodes a file into its sibling, which is renamed into place when it is complete and has the time of the original.
 * After a failure the incomplete file is removed. Throws when the file changes during encoding.
 */
export async function writeSibling(file: string, encoding: Encoding): Promise<WriteResult> {
  const sibling = file + siblingExtensions[encoding];
  const unfinished = await unfinishedFile(path.dirname(file));
  const handle = await fs.promises.open(file, fs.constants.O_RDONLY | (fs.constants.O_NOFOLLOW ?? 0));
  try {
    const before = await handle.stat();
    const mode = before.mode & 0o666;
    const encoded = pipeline(
      handle.createReadStream({ autoClose: false }),
      codecOf(encoding, bestLevels[encoding]).stream(before.size),
      fs.createWriteStream(unfinished, { flags: 'wx', mode }),
    );
    // When the file has changed, the encoder fails because of the size. The change is the error to report.
    await encoded.catch(() => {});
    const after = await fs.promises.lstat(file);
    if (!hasSameStats(before, after)) throw new Error('it changed while it was read');
    await encoded;
    const { size, mode: masked } = await fs.promises.stat(unfinished);
    if (size >= before.size) {
      await fs.promises.rm(unfinished, { force: true });
      return 'not smaller';
    }
    // The umask may have removed read permissions that the original has.
    if ((masked & 0o666) !== mode) await fs.promises.chmod(unfinished, mode);
    await fs.promises.utimes(unfinished, before.atime, before.mtimeMs / 1000);
    await fs.promises.rename(unfinished, sibling);
    return { size, mtimeMs: before.mtimeMs };
  } catch (error) {
    await fs.promises.rm(unfinished, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}
