import fs from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { codecOf, type Encoding } from '../../support/encoding/encoders.js';
import { isAlike } from './file-state.js';
import { siblingExtensions } from './siblings.js';
import { unfinishedFile } from './unfinished-files.js';

/** The time of a build is paid once, that of a download by everybody. */
const bestLevels: Readonly<Record<Encoding, number>> = { br: 11, gzip: 9, zstd: 19 };

/** What became of a sibling. */
export type Written = { readonly size: number; readonly mtimeMs: number } | 'not smaller';

/**
 * Encodes a file into its sibling, which takes its place at once and complete, with the time of the original; nothing
 * is left behind where that fails. Throws where the file changes meanwhile.
 */
export async function writeSibling(file: string, encoding: Encoding): Promise<Written> {
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
    // a change is named as such, also where the encoder failed for another size than was stated
    await encoded.catch(() => {});
    const after = await fs.promises.lstat(file);
    if (!isAlike(before, after)) throw new Error('it changed while it was read');
    await encoded;
    const { size, mode: masked } = await fs.promises.stat(unfinished);
    if (size >= before.size) {
      await fs.promises.rm(unfinished, { force: true });
      return 'not smaller';
    }
    // a umask may keep those out who send the original
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
