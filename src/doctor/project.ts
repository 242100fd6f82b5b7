import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { nearestPackageFile } from '../deploy/package-files.js';
import { attempt } from '../support/attempt.js';
import type { ProjectLine, ProjectObservation } from './observations.js';

const lintFiles =
  /^(?:eslint\.config\.[cm]?[jt]s|\.eslintrc(?:\.\w+)?|biome\.jsonc?|\.?oxlint(?:rc)?\.jsonc?|\.jshintrc|\.?xo-config\..+|xo\.config\..+|tslint\.json|deno\.jsonc?)$/;
const lintNames =
  /(?:^|[\s@/&])(?:eslint|biome|standard|semistandard|ts-standard|neostandard|xo|oxlint|jshint|tslint|vite-plus)(?:[\s/-]|$)|\b(?:deno|next|nx|ng|turbo) (?:run )?lint\b/;
const ecosystem = /^(?:ecosystem|pm2)(?:\.\w+)?\.(?:[cm]?js|json)$/;
const severalIn =
  /^\s*['"]?(?:replicas['"]?:\s*(?:[2-9]|\d\d)|instances['"]?:\s*['"]?(?:max|0|-1|[2-9]|\d\d))/;

/** What the project of a script contains beside its code. */
export function observeProject(script: string): ProjectObservation {
  const found = nearestPackageFile(path.dirname(script));
  const { directory, content } = found ?? { directory: path.dirname(script), content: {} };
  const { start } = Object(content.scripts) as { start?: unknown };
  const names = (field: string): string[] => Object.keys(Object(content[field]));
  const isInstalled = directory.split(path.sep).includes('node_modules');
  return {
    directory,
    // that of an installed package is for its own development
    startScript: typeof start === 'string' && !isInstalled ? start : null,
    procfile: lineOf(directory, 'Procfile', /^web:/),
    isInstalled,
    lints: found === undefined || lints(directory, content),
    devDependencies: names('devDependencies').filter(
      (name) =>
        !['dependencies', 'optionalDependencies', 'peerDependencies'].some((field) =>
          names(field).includes(name),
        ),
    ),
    severalProcesses: severalProcesses(directory, start),
  };
}

/** Whether a file, a script or a package of the project, or of a directory above in its repository, belongs to a linter. */
function lints(directory: string, content: Readonly<Record<string, unknown>>): boolean {
  const { scripts, dependencies, devDependencies } = content;
  const texts = [
    ...Object.values(Object(scripts)).map(String),
    ...Object.keys({ ...Object(dependencies), ...Object(devDependencies) }),
  ];
  if (content.eslintConfig || content.xo || content.standard || content.jshintConfig) return true;
  if (texts.some((text) => lintNames.test(text))) return true;
  const files = namesIn(directory);
  if (files.some((name) => lintFiles.test(name))) return true;
  const parent = path.dirname(directory);
  if (files.includes('.git') || parent === directory) return false;
  const above = nearestPackageFile(parent);
  return lints(parent, above?.directory === parent ? above.content : {});
}

function severalProcesses(directory: string, start: unknown): ProjectLine[] {
  const command = typeof start === 'string' ? start : '';
  const isCluster =
    /\bpm2(?:-runtime)?\s+start\b.*\s(?:-i|--instances)[\s=]+(?!1\b)\S/.test(command) ||
    (/\bexpress-productionize\s+start\b/.test(command) && !/--workers[\s=]+1\b/.test(command));
  const files = namesIn(directory).filter(
    (name) =>
      ecosystem.test(name) || /^(?:(?:docker-)?compose|k8s|kubernetes|deployment).*\.ya?ml$/.test(name),
  );
  return [
    ...(isCluster ? [{ text: `npm start: ${command}`, file: 'package.json' }] : []),
    ...files.flatMap((file) => lineOf(directory, file, severalIn) ?? []),
  ];
}

function lineOf(directory: string, file: string, pattern: RegExp): ProjectLine | null {
  const lines = attempt(() => readFileSync(path.join(directory, file), 'utf8'), '').split(/\r?\n/);
  const at = lines.findIndex((line) => pattern.test(line));
  return at < 0 ? null : { text: (lines[at] as string).trim(), file, line: at + 1 };
}

const namesIn = (directory: string): string[] => attempt(() => readdirSync(directory).sort(), []);
