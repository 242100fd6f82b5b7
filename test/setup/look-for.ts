import { accessSync, constants } from 'node:fs';
import path from 'node:path';

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(path.delimiter).some((directory) => {
    try {
      accessSync(path.join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Looks once for the programs that tests start beside Node. Where one is missing its tests are skipped, which one line
 * says; in CI nothing may be skipped, so there it is an error.
 */
export function lookFor(programs: readonly string[]): void {
  const missing = programs.filter((program) => !isInstalled(program));
  process.env.TEST_MISSING = [...missing, process.env.TEST_MISSING ?? ''].join(' ').trim();
  if (missing.length === 0) return;
  const line = `Not installed: ${missing.join(', ')}.`;
  if (process.env.CI) throw new Error(`${line} In CI no test may be skipped.`);
  process.stderr.write(`${line} The tests that need them are skipped.\n`);
}
