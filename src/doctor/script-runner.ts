import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { attempt } from '../support/attempt.js';
import { CannotExamine } from './examined-app.js';

/** The options of Node for a file with variables. */
export function envFileArgs(file: string | undefined): string[] {
  return file === undefined ? [] : [`--env-file=${path.resolve(file)}`];
}

/** The options of Node with which a script runs: a script in TypeScript runs under the tsx of its project, if any. */
export function nodeOptionsFor(script: string): { args: string[]; tool: string | undefined } {
  if (!/\.[cm]?tsx?$/.test(script)) return { args: [], tool: undefined };
  const tsx = attempt(() => createRequire(script).resolve('tsx'), undefined);
  if (tsx !== undefined) return { args: ['--import', pathToFileURL(tsx).href], tool: 'tsx' };
  if ((process.features as { typescript?: unknown }).typescript) return { args: [], tool: undefined };
  throw new CannotExamine(
    `Node ${process.version} does not run TypeScript, and the project has no tsx. Install tsx (npm install --save-dev tsx), or examine the compiled script.`,
  );
}
