import { readFileSync } from 'node:fs';
import path from 'node:path';
import { attempt } from '../support/attempt.js';

/** A package.json and its directory. */
export interface PackageFile {
  readonly directory: string;
  readonly content: Readonly<Record<string, unknown>>;
}

/** The nearest package.json at or above a directory. A file that is no JSON is an error of the caller's project. */
export function nearestPackageFile(directory: string): PackageFile | undefined {
  const text = attempt(() => readFileSync(path.join(directory, 'package.json'), 'utf8'), undefined);
  if (text !== undefined) return { directory, content: Object(attempt(() => JSON.parse(text), {})) };
  const parent = path.dirname(directory);
  return parent === directory ? undefined : nearestPackageFile(parent);
}

/** This package. `undefined` inside a bundle, which has no file of it. */
export function ownPackage(): PackageFile | undefined {
  // a bundle that is an ES module has no `__dirname`
  const found = typeof __dirname === 'string' ? nearestPackageFile(__dirname) : undefined;
  return found?.content.name === 'express-productionize' ? found : undefined;
}
