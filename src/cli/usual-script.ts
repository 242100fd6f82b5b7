import path from 'node:path';
import { nearestPackageFile } from '../deploy/package-files.js';

/** The script that `npm start` runs, or the main file of the package in the working directory. */
export function usualScript(): string {
  const { directory = '.', content = {} } = nearestPackageFile(process.cwd()) ?? {};
  const { start } = Object(content.scripts) as Record<string, unknown>;
  const run = String(start);
  const [, script] =
    /^(?:\w+=\S+\s+)*node\s+(?:--?\S+\s+)*([\w./-]+)$/.exec(run) ??
    /^(?:\w+=\S+\s+)*(?:npx\s+)?express-productionize start ([\w./-]+)(?:\s|$)/.exec(run) ??
    [];
  return path.relative(process.cwd(), path.join(directory, script ?? '.')) || '.';
}
