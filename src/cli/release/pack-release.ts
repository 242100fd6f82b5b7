import { createRequire } from 'node:module';
import path from 'node:path';
import { findScript } from '../app-script.js';
import { type Arguments, exitCodes, UsageError } from '../command.js';
import { print, printError } from '../output.js';
import { usualScript } from '../usual-script.js';
import { type Packed, type PackOptions, packTo } from './pack.js';

/** `release pack`. */
export async function packRelease(args: Arguments): Promise<number> {
  const { values, positionals } = args;
  const out = path.resolve((values.out as string | undefined) ?? '.');
  if (values.directory === true && out.endsWith('.tgz')) {
    throw new UsageError('--directory: --out is the name of an archive');
  }
  const packed = await packTo(out, values.directory === true, packOptions(args, positionals));
  const { manifest, file, leftOut } = packed;
  if (values.json) print(JSON.stringify({ ...manifest, file, leftOut }));
  else {
    print(file);
    reportLeftOut(packed);
  }
  return exitCodes.done;
}

export function packOptions(args: Arguments, positionals: readonly string[]): PackOptions {
  const { values } = args;
  const given = positionals.length > 0 ? positionals : [usualScript()];
  const found = findScript('release', { ...args, positionals: given });
  return {
    // the manifest names the file, also where the script is a directory or has no extension
    script: createRequire(found).resolve(found),
    include: typeof values.include === 'string' ? values.include.split(',') : [],
    offline: values.offline === true,
  };
}

export function reportLeftOut({ leftOut }: Packed): void {
  if (leftOut.length > 0) printError(`not in the release: ${leftOut.join(', ')}; --include adds a file`);
}
