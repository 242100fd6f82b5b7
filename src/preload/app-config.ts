import { createRequire } from 'node:module';
import path from 'node:path';
import type { ProductionizeOptions } from '../core/productionize-options.js';

/** The file with the options of `productionize`: a module, JSON, or a package.json with the key `productionize`. */
export const configVariable = 'EXPRESS_PRODUCTIONIZE_CONFIG';

let read: { options: ProductionizeOptions | undefined } | undefined;

/** The options that the command line passed, if any. The variable is for this process, not for its children. */
export function configuredOptions(): ProductionizeOptions | undefined {
  read ??= { options: load(process.env[configVariable]) };
  return read.options;
}

function load(file: string | undefined): ProductionizeOptions | undefined {
  delete process.env[configVariable];
  if (!file) return undefined;
  const loaded = createRequire(file)(file);
  return path.basename(file) === 'package.json' ? loaded.productionize : (loaded.default ?? loaded);
}
