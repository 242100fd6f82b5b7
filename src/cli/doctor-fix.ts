import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { nearestPackageFile } from '../deploy/package-files.js';
import { CannotExamine, type ExaminedScript } from '../doctor/examined-app.js';
import { addProductionize } from '../doctor/fix/add-line.js';
import { findAppSite } from '../doctor/fix/app-site.js';
import type { AppSite } from '../doctor/probe/doctor-protocol.js';
import { attempt } from '../support/attempt.js';
import type { Arguments } from './command.js';
import { UsageError } from './command.js';
import { isAccepted } from './confirm.js';
import { paint, print } from './output.js';

export const fixFlags = {
  fix: { type: 'boolean', help: 'show the line to add to the script, and write it when you confirm' },
  yes: { type: 'boolean', help: 'confirm --fix' },
} as const;

/** Returns how `--fix` is done; nothing without the flag. */
export function fixOf({ values }: Arguments): (script: ExaminedScript) => Promise<void> {
  if (!values.fix) {
    if (values.yes) throw new UsageError('--yes: expected --fix beside it');
    return async () => {};
  }
  const other = ['url', 'json'].find((flag) => values[flag]);
  if (other !== undefined) throw new UsageError(`--fix: not beside --${other}`);
  return (script) => fix(script, Boolean(values.yes));
}

/**
 * Adds the line to the file in which the app is created. The app is started again with it, and the file is put back when
 * it does not start.
 */
async function fix(script: ExaminedScript, isConfirmed: boolean): Promise<void> {
  const site = await findAppSite(script);
  if (site?.productionized) return print('--fix: nothing to add, the app calls productionize.');
  const reason = site === null ? 'it was not seen where the app is created' : whyNot(site, script.script);
  if (site === null || reason !== undefined) return printReason(reason ?? '', site);
  const before = readFileSync(site.file, 'utf8');
  const added = addProductionize(before, site.line);
  if (typeof added === 'string') return printReason(added, site);

  const name = path.relative('', site.file);
  print(`\n--- ${name}\n+++ ${name}`);
  for (const { line, text } of added.lines) print(`@@ line ${line} @@\n${paint('green', `+${text}`)}`);
  if (!isConfirmed && !(await isAccepted(`Write ${name}?`))) {
    return print('Nothing was written. --yes writes it without a question.');
  }
  writeFileSync(site.file, added.text);
  try {
    const now = await findAppSite(script);
    if (!now?.productionized) throw new CannotExamine('the app did not call productionize.');
    print(`${name} was written, and the app starts with it.`);
  } catch (error) {
    writeFileSync(site.file, before);
    if (!(error instanceof CannotExamine)) throw error;
    print(`${name} is as before: with the line, ${error.message}`);
  }
}

/** Why a file is left as it is; `undefined` when it may be changed. */
function whyNot({ file }: AppSite, script: string): string | undefined {
  const directory = nearestPackageFile(path.dirname(realpathSync(script)))?.directory ?? path.dirname(script);
  const below = path.relative(
    directory,
    attempt(() => realpathSync(file), file),
  );
  if (below.startsWith('..') || path.isAbsolute(below)) return 'the app is created outside of the project';
  if (below.split(path.sep).includes('node_modules')) return 'the app is created by a package';
  const isInstalled = attempt(() => createRequire(file).resolve('express-productionize'), undefined);
  if (!isInstalled) return 'express-productionize is not installed there: npm install express-productionize';
  return undefined;
}

function printReason(reason: string, site: AppSite | null): void {
  const where = site ? ` (${path.relative('', site.file)}:${site.line})` : '';
  print(
    `\n--fix: nothing was written, because ${reason}${where}. Add after the line that creates the app:\n\n` +
      `  productionize(app);\n`,
  );
}
